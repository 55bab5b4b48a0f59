"""A scenario on a served plant: what the controller does, and how it reaches the other side."""

import pytest
import yaml

from devices.errors import DeviceFault, LabError
from devices.labfile import load_lab

pytestmark = [pytest.mark.slow]


def test_faults_of_a_served_plant_reach_the_client_with_their_reasons(serve, conditions, tmp_path):
    scenario = tmp_path / "scenario.yaml"
    faults = [
        {"kind": "over_temperature", "experiment": 1, "at": "10 min"},
        {"kind": "feed_pump_stall", "experiment": 2, "at": "10 min"},
        {"kind": "vacuum_loss", "experiment": 3, "field": 1},
        {"kind": "power_cut", "experiment": 4, "at": "10 min"},
    ]
    scenario.write_text(yaml.safe_dump({"name": "served", "faults": faults}), encoding="utf-8")
    served = serve("--faults", str(scenario))
    short = {**conditions, "time_min": 30.0}

    def impatient(content) -> None:
        content["backend"]["options"].update(patience_s=1.0, reply_s=1.0)

    with load_lab(served.lab_file(impatient), state_dir=tmp_path / "client", seed=3) as lab:
        for key, reason in (
            ("b-1", "temperature_C reads 85 °C, at most 75 °C is safe"),
            ("b-2", "the pump of naoh_factor stalled: no flow was counted"),
        ):
            with pytest.raises(LabError, match=reason):
                lab.synthesise(key, short)
            record = lab.reactor_record(key)
            assert record is not None
            assert (record.state, record.starts) == ("fault", 1)
            assert reason in record.reason
            assert (served.get("Reactor:naoh_factor"), served.get("Reactor:temperature_C")) == (0.0, 25.0)
        assert lab.synthesise("b-3", short).state == "done"
        images = tmp_path / "images"
        with pytest.raises(DeviceFault, match="lost its vacuum"):
            lab.acquire("b-3", 3000, 1, 0, images)
        (path,) = lab.acquire("b-3", 3000, 1, 0, images)
        assert path.is_file()
        with pytest.raises(LabError, match="does not answer"):
            lab.synthesise("b-4", short)
        # A controller without power is no process any more; served again, it knows what was lost.
        assert served.process.wait(20) == 2
        served.begin()
        served.until("Reactor:Starts", 4)
        record = lab.reactor_record("b-4")
        assert record is not None
        assert record.state == "fault"
        assert "the power was cut at" in record.reason
