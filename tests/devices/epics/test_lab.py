"""The lab over Channel Access: it does what the lab in process does, and refuses what that refuses."""

import json
from pathlib import Path

import pytest

from devices.errors import LabError
from devices.labfile import load_lab

pytestmark = [pytest.mark.slow]


def journal(state: Path) -> list[dict[str, object]]:
    lines = (state / "simulated-lab" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_batch_and_its_images_are_those_of_the_lab_in_process(serve, conditions, tmp_path):
    served = serve()
    results = []
    for name, file in (("ioc", served.lab_file()), ("in", served.plant_file)):
        told: list[str] = []
        with load_lab(file, state_dir=tmp_path / name, seed=3) as lab:
            first = lab.synthesise("b-1", conditions, progress=told.append)
            paths = lab.acquire("b-1", 3000, 2, 0, tmp_path / name / "images")
            paths += lab.acquire("b-1", 15000, 1, 5, tmp_path / name / "images")
            second = lab.synthesise("b-2", {**conditions, "pH": 11.0, "atmosphere": "O2"})
            assert lab.synthesise("b-1", conditions) == first
            assert lab.reactor_record("b-3") is None
            assert int(lab.reactor.starts.get()) == 2
            results.append((first, second, lab.clock.iso(), lab.clock.hours(), lab.simulated))
            results[-1] += tuple((path.name, path.read_bytes()) for path in paths)
            assert told[-1].startswith("reactor done (b-1, ")
    assert results[0] == results[1]
    assert journal(served.state) == journal(tmp_path / "in")
    # The plant is left as safe as in process, and its watchdog at rest.
    assert (served.get("Reactor:pH"), served.get("Watchdog")) == (7.0, "resting")


def test_limits_hold_on_both_sides(serve, conditions, tmp_path):
    served = serve()
    file = served.lab_file(lambda content: content["reactor"]["set_points"]["pH"].update(high=11.0))
    with load_lab(file, state_dir=tmp_path / "client", seed=3) as lab:
        with pytest.raises(LabError, match=r"pH = 11.5 is outside 7 to 11"):
            lab.synthesise("b-1", {**conditions, "pH": 11.5})
        with pytest.raises(LabError, match=r"magnification = 9e\+06 × is outside"):
            lab.acquire("b-1", 9e6, 1, 0, tmp_path)
        # Past our own limits, the controller's hold: an ordinary client's put is refused, silently.
        served.put("Reactor:pH", 13.0)
        assert served.get("Reactor:pH") == 7.0
        assert "Limits are set to 7.0 and 12.5" in served.get("Refusal")
        with pytest.raises(LabError, match="There is no sample of b-9 to image"):
            lab.acquire("b-9", 3000, 1, 0, tmp_path)
        with pytest.raises(LabError, match=r"did not take pH = 13.0 \(Cannot write data 13.0"):
            lab.reactor.set_points.pH._logic.move(13.0, None)
        file.unlink()
        with pytest.raises(LabError, match=r"Nothing was moved, because the limits in .* cannot be read"):
            lab.synthesise("b-1", conditions)
    assert served.get("Reactor:Starts") == 0
    assert not (served.state / "simulated-lab").exists() or len(journal(served.state)) <= 1
