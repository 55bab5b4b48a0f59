import math
from pathlib import Path

import numpy as np
import pytest

from devices.errors import LabError
from devices.labfile import LabFileLimits
from devices.limits import Limit, check_units, complete, same_unit

LIMITS = {
    "pH": Limit("pH", "", 7.0, 12.0),
    "time_min": Limit("time_min", "min", 10, 720),
    "atmosphere": Limit("atmosphere", choices=("N2", "O2"), default="N2"),
}


def test_defaults_are_filled_in_and_numbers_become_floats() -> None:
    settings = complete({"time_min": np.int64(30), "pH": np.float32(10.5)}, LIMITS)
    assert settings == {"pH": 10.5, "time_min": 30.0, "atmosphere": "N2"}
    assert type(settings["time_min"]) is float


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"pH": 12.5}, "pH = 12.5 is outside 7 to 12"),
        ({"pH": math.nan}, "pH = nan is outside"),
        ({"pH": "10"}, "pH = '10' is not a number"),
        ({"pH": True}, "not a number"),
        ({"time_min": 5}, "time_min = 5 min is outside 10 to 720 min"),
        ({"atmosphere": "Ar"}, "atmosphere = 'Ar' is none of N2, O2"),
        ({"pressure": 1.0}, "pressure is not a set-point of this lab"),
    ],
)
def test_what_is_not_allowed_is_told(change: dict[str, float | str], told: str) -> None:
    with pytest.raises(LabError, match="Nothing was moved") as error:
        complete({"pH": 10.0, "time_min": 60.0, **change}, LIMITS)
    assert told in str(error.value)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(LabError, match=r"pressure.*pH.*time_min is not given.*set-points are pH"):
        complete({"pressure": 1.0, "pH": 2.0}, LIMITS)


def test_units_are_compared_and_not_converted() -> None:
    check_units({"pH": "–", "time_min": "min", "atmosphere": ""}, LIMITS)
    with pytest.raises(LabError, match="time_min is in h in the campaign and in min in the lab"):
        check_units({"time_min": "h"}, LIMITS)
    assert same_unit("degC", "°C")
    assert not same_unit("mm", "Mm")


def test_limits_that_cannot_be_read_any_more_are_an_error(tmp_path: Path, write_lab) -> None:  # type: ignore[no-untyped-def]
    path = write_lab()
    limits = LabFileLimits(path)
    assert limits.read()["time_min"].high == 1440
    path.write_text(path.read_text().replace("high: 1440", "high: 100"))
    assert limits.read()["time_min"].high == 100
    path.unlink()
    with pytest.raises(LabError, match="Nothing was moved, because the limits"):
        limits.read()
