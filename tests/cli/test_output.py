import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cli.output import emit, plain


@dataclass(frozen=True)
class Point:
    where: Path
    value: float


def test_json_knows_no_nan():
    assert plain({"a": math.nan, "b": (1.5, math.inf), "c": np.float64("nan")}) == {
        "a": None,
        "b": [1.5, None],
        "c": None,
    }


def test_arrays_dataclasses_and_paths_become_plain():
    assert plain([Point(Path("x"), np.float32(0.5)), np.arange(2)]) == [{"where": "x", "value": 0.5}, [0, 1]]


def test_what_has_no_json_form_is_refused():
    with pytest.raises(TypeError, match="object"):
        plain(object())


def test_emit_prints_one_object_or_the_human_text(capsys):
    emit({"n": 1}, True, lambda: "one")
    assert json.loads(capsys.readouterr().out) == {"n": 1}
    emit({"n": 1}, False, lambda: "one")
    assert capsys.readouterr().out == "one\n"
