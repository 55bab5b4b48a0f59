"""kill -9 of the process that drives the simulated lab: what its devices know survives it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from devices.errors import LabError
from devices.labfile import load_lab

pytestmark = pytest.mark.slow

LAB = Path(__file__).parents[2] / "campaigns" / "library" / "labs" / "simulated-lmr.yaml"
CONDITIONS = {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2, "time_min": 1440.0}

# Tells a line when it is time to be killed, and would take days to go on by itself.
DRIVER = """
import sys
from pathlib import Path
from devices.labfile import load_lab

conditions = {conditions!r}
lab = load_lab(Path(sys.argv[1]), state_dir=Path(sys.argv[2]), seed=3)
tell = lambda line: print(line, flush=True)
if sys.argv[3] == "synthesise":
    lab.synthesise("b-1", conditions, progress=tell)
else:
    lab.acquire("b-1", 3000, 4, 0, Path(sys.argv[4]))
"""


def lab_file(folder: Path, name: str, real_time_factor: float | None) -> Path:
    content = yaml.safe_load(LAB.read_text(encoding="utf-8"))
    content["microscope"]["options"]["scan"] = [160, 120]
    content["backend"]["options"]["real_time_factor"] = real_time_factor
    (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder / name


def journal(state: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (state / "simulated-lab" / "journal.jsonl").read_text().splitlines()]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """The state of a lab that was never killed."""
    with load_lab(lab_file(tmp_path, "whole.yaml", None), state_dir=tmp_path / "whole", seed=3) as lab:
        lab.synthesise("b-1", CONDITIONS)
        lab.acquire("b-1", 3000, 4, 0, tmp_path / "whole" / "images")
    return tmp_path / "whole"


def test_killed_between_start_and_done(tmp_path: Path, whole: Path) -> None:
    state, script = tmp_path / "killed", DRIVER.format(conditions=CONDITIONS)
    # The ramps take 37 virtual minutes, 0.06 s here; the batch would take two seconds.
    slow = lab_file(tmp_path, "slow.yaml", 40000.0)
    driver = subprocess.Popen(
        [sys.executable, "-c", script, str(slow), str(state), "synthesise"], stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout is not None
    for line in driver.stdout:
        if "reacting" in line:
            break
    driver.send_signal(signal.SIGKILL)
    driver.wait(10)
    driver.stdout.close()
    assert [entry.get("event") for entry in journal(state)] == [None, "start"]
    with load_lab(lab_file(tmp_path, "fast.yaml", None), state_dir=state, seed=3) as lab:
        running = lab.reactor_record("b-1")
        assert running is not None
        assert (running.state, running.starts, lab.reactor.state.get()) == ("running", 1, "reacting")
        with pytest.raises(LabError, match="busy with the batch b-1"):
            lab.synthesise("b-2", CONDITIONS)
        assert lab.synthesise("b-1", CONDITIONS).starts == 1
        # Killed again, this time while imaging: two fields of four are there.
        lab.acquire("b-1", 3000, 2, 0, state / "images")
        (state / "images" / ".b-1_3000x_002.tif.part").write_bytes(b"II*")
    with load_lab(lab_file(tmp_path, "fast.yaml", None), state_dir=state, seed=3) as lab:
        paths = lab.acquire("b-1", 3000, 4, 0, state / "images")
    assert journal(state) == journal(whole)
    assert [path.read_bytes() for path in paths] == [
        (whole / "images" / path.name).read_bytes() for path in paths
    ]
    assert len(list((state / "images").iterdir())) == 4
