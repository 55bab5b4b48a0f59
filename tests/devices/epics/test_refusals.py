"""What a lab file over EPICS is refused for, in one sentence, and what PVs say of themselves."""

import pytest

from devices.errors import LabError
from devices.labfile import load_lab

pytestmark = [pytest.mark.slow]


@pytest.mark.parametrize(
    ("quantity", "changes", "fault"),
    [
        ("time_min", {"unit": "h"}, "has time_min in min and the lab file in h; nothing is converted"),
        ("pH", {"high": 14.0}, "allows pH from 7 to 14, but its controller only from 7 to 12.5"),
        ("atmosphere", {"choices": ["N2", "Ar"]}, "does not know atmosphere = Ar"),
        ("pH", {"options": {"time_constant_min": 2}}, "over EPICS has no option time_constant_min"),
        ("pH", {"options": {"pv": "acidity"}}, r"does not answer to T\d+:Reactor:acidity"),
    ],
)
def test_a_lab_file_that_does_not_fit_its_controller(shared, quantity, changes, fault, tmp_path):
    def change(content):
        content["backend"]["options"]["connect_s"] = 1.0
        content["reactor"]["set_points"][quantity].update(changes)

    with pytest.raises(LabError, match=fault) as raised:
        load_lab(shared.lab_file(change), state_dir=tmp_path, seed=3)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"prefix": "NOBODY:", "connect_s": 0.5}, "does not answer to NOBODY:Simulated, .* and 6 more; see"),
        ({"heartbeat_s": 40}, "watchdog waits 60 s, and a heartbeat each 40 s is too rare"),
        ({"addresses": ["192.0.2.1"]}, "EPICS cannot be told another place"),
    ],
)
def test_a_backend_that_cannot_work(shared, options, fault, tmp_path):
    with pytest.raises(LabError, match=fault) as raised:
        load_lab(
            shared.lab_file(lambda content: content["backend"]["options"].update(options)),
            state_dir=tmp_path,
            seed=3,
        )
    assert "\n" not in str(raised.value)


def test_a_simulated_plant_is_never_taken_for_a_real_one(shared, tmp_path):
    file = shared.lab_file(lambda content: content.update(simulated=False))
    with pytest.raises(LabError, match="says simulated: false, but its reactor is simulated"):
        load_lab(file, state_dir=tmp_path, seed=3)


def test_what_the_pvs_say_of_themselves(shared):
    import epics

    ph = epics.get_pv(f"{shared.prefix}Reactor:temperature_C", timeout=5, connect=True)
    about = ph.get_ctrlvars(timeout=5)
    assert (about["units"], about["lower_ctrl_limit"], about["upper_ctrl_limit"]) == ("degC", 20.0, 70.0)
    assert shared.get("Simulated") == 1
    assert shared.get("Seed") == 3
    assert shared.get("Lab") == "simulated-lmr"
    # A PV that only tells cannot be written.
    starts = epics.get_pv(f"{shared.prefix}Reactor:Starts", timeout=5, connect=True)
    assert not starts.write_access
