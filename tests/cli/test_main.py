import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli import main
from models.errors import UnusableInput


def morpholoop(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_help_names_every_command_without_importing_them():
    code = (
        "import sys\nfrom cli.main import run\n"
        "try:\n    run(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print(sorted({'torch', 'prefect', 'numpy', 'sqlmodel'} & set(sys.modules)), file=sys.stderr)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert time.monotonic() - began < 10
    for entry in main.ENTRIES:
        assert entry.name in done.stdout
    assert done.stderr.strip() == "[]"


def test_a_mistyped_command_is_status_2():
    done = morpholoop("dokter")
    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_unusable_input_is_one_sentence_and_status_2(monkeypatch, capsys):
    def refuse(arguments):
        raise UnusableInput("The file x.tif is empty;\n give an image.")

    monkeypatch.setattr(main, "app", refuse)
    with pytest.raises(SystemExit) as end:
        main.run([])
    assert end.value.code == 2
    assert capsys.readouterr().err == "The file x.tif is empty; give an image.\n"


def test_an_unexpected_error_keeps_its_traceback(monkeypatch):
    def fail(arguments):
        raise ZeroDivisionError

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(ZeroDivisionError):
        main.run([])


def test_interruption_is_status_130(monkeypatch, capsys):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "app", interrupt)
    with pytest.raises(SystemExit) as end:
        main.run([])
    assert end.value.code == 130
    assert "goes on" in capsys.readouterr().err


def doctor(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict]]:
    """The exit status and the checks by name."""
    with pytest.raises(SystemExit) as end:
        main.run(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert end.value.code == (0 if found["ok"] else 1)
    return int(end.value.code), {check["name"]: check for check in found["checks"]}


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_what_an_interrupt_made_fail_was_interrupted(monkeypatch, capsys):
    def interrupted_inside(_):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise ValueError("Task run is not set")  # noqa: B904, as the workflow engine does it

    monkeypatch.setattr(main, "app", interrupted_inside)
    with pytest.raises(SystemExit) as end:
        main.run([])
    assert end.value.code == 130
    assert capsys.readouterr().err.startswith("Stopped, and nothing is half-written")


def test_doctor_checks_the_installation(capsys, home):
    _, checks = doctor(capsys)
    assert set(checks) == {
        "python", "packages", "state directory", "disk space", "database", "labs", "weights", "notifications"
    }  # fmt: skip
    for name in ("python", "state directory", "database", "labs"):
        assert checks[name]["ok"], checks[name]


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_doctor_fails_where_the_state_directory_cannot_be_written(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MORPHOLOOP_HOME", str(tmp_path / "file" / "home"))
    status, checks = doctor(capsys)
    assert status == 1
    assert not checks["state directory"]["ok"]
