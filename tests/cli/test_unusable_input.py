"""Bad input is one sentence on standard error, status 2, nothing on standard output, no traceback."""

from pathlib import Path

import pytest
import yaml

from cli.main import run

LIBRARY = Path(__file__).parents[2] / "campaigns" / "library"


@pytest.fixture
def campaign(tmp_path: Path) -> dict:
    content = yaml.safe_load((LIBRARY / "membrane.yaml").read_text(encoding="utf-8"))
    content["lab"] = str(LIBRARY / "labs" / "simulated-membrane.yaml")
    return content


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        run(list(arguments))
    out, err = capsys.readouterr()
    assert end.value.code == 2
    assert out == ""
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    return err


def written(tmp_path: Path, content: object) -> str:
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("command", [("dry-run",), ("campaign", "start"), ("campaign", "validate")])
def test_a_missing_campaign_file(command, capsys):
    assert "no campaign file" in refused(capsys, *command, "nowhere.yaml")


def test_an_empty_campaign_file(tmp_path, capsys):
    (tmp_path / "empty.yaml").write_text("")
    assert "is empty" in refused(capsys, "dry-run", str(tmp_path / "empty.yaml"))


def test_wrong_units(tmp_path, campaign, capsys):
    campaign["parameters"][3]["bounds"] = [0, "2 kg"]
    assert "parameters[3].bounds" in refused(capsys, "dry-run", written(tmp_path, campaign))


def test_reversed_bounds(tmp_path, campaign, capsys):
    campaign["parameters"][0]["bounds"] = [25, 10]
    assert "parameters[0].bounds" in refused(capsys, "dry-run", written(tmp_path, campaign))


def test_an_unknown_descriptor(tmp_path, campaign, capsys):
    campaign["targets"][0]["descriptor"] = "phase_fractoin"
    campaign["imaging"]["views"][0]["descriptors"] = ["correlation_length_um"]
    err = refused(capsys, "campaign", "validate", written(tmp_path, campaign))
    assert "phase_fraction" in err


def test_all_faults_at_once(tmp_path, campaign, capsys):
    campaign["parameters"][0]["bounds"] = [25, 10]
    campaign["seed"] = -1
    with pytest.raises(SystemExit) as end:
        run(["dry-run", written(tmp_path, campaign)])
    err = capsys.readouterr().err
    assert end.value.code == 2
    assert "2 faults" in err
    assert "seed" in err


def test_bounds_beyond_the_labs_limits(tmp_path, campaign, capsys):
    campaign["parameters"][2]["bounds"] = [5, 95]
    assert "bath_temperature_C" in refused(capsys, "campaign", "validate", written(tmp_path, campaign))


def test_a_lab_that_is_not_simulated(tmp_path, campaign, capsys):
    lab = yaml.safe_load(Path(campaign["lab"]).read_text(encoding="utf-8"))
    (tmp_path / "lab.yaml").write_text(yaml.safe_dump({**lab, "simulated": False}), encoding="utf-8")
    campaign |= {"lab": str(tmp_path / "lab.yaml"), "approval": {"policy": "always"}}
    assert "is not simulated" in refused(capsys, "dry-run", written(tmp_path, campaign))


@pytest.mark.parametrize("option", [("--seed", "-1"), ("--iterations", "0")])
def test_options_out_of_range(tmp_path, campaign, capsys, option):
    assert option[1] in refused(capsys, "dry-run", written(tmp_path, campaign), *option)


def test_a_state_directory_that_cannot_be_written(tmp_path, campaign, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MORPHOLOOP_HOME", str(tmp_path / "file" / "home"))
    assert "cannot be written" in refused(capsys, "dry-run", written(tmp_path, campaign))


@pytest.mark.parametrize(
    "command",
    [
        ("campaign", "status", "none"),
        ("campaign", "report", "none"),
        ("campaign", "abort", "none"),
        ("approvals", "show", "none"),
        ("approvals", "approve", "none"),
    ],
)
def test_what_is_not_there(command, capsys, home):
    assert "There is no" in refused(capsys, *command)
    assert not home.exists()


def test_a_valid_file_is_said_to_be_fine(tmp_path, campaign, capsys):
    with pytest.raises(SystemExit) as end:
        run(["campaign", "validate", written(tmp_path, campaign)])
    assert end.value.code == 0
    assert "is fine" in capsys.readouterr().out
