"""Types that the API's bodies share."""

import math
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_finite)]
"""A number; null where it is undefined, since JSON knows no NaN."""

Condition = Annotated[float, Field(allow_inf_nan=False)] | Annotated[str, Field(max_length=200)]
Conditions = dict[str, Condition]
Reason = Annotated[str, Field(max_length=2000)]
Shown = Annotated[
    str, Field(pattern="^[0-9a-f]{64}$", description="`shown` of the proposal, as it was when it was seen.")
]
Whole = Annotated[int, Path(ge=1, le=2**31 - 1)]
"""A number in a path that counts from 1, within what every database holds."""


class Body(BaseModel):
    """Base of what is sent here: nothing unknown is passed over."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Answer(BaseModel):
    """Base of what is sent back, made of the records' own attributes."""

    model_config = ConfigDict(from_attributes=True)


class Because(Body):
    """Why something is done; kept with it."""

    reason: Reason


class PerhapsBecause(Body):
    """Why something is done, if there is anything to say."""

    reason: Reason = ""
