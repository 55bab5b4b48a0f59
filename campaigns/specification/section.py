"""A part of the campaign file whose every fault is reported at once, in the words of the file."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails

from campaigns.specification.faults import detail, nearest, shown

_EXPECTED = {
    "model_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "path_type": "the path of a file",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text of the form {pattern}",
    "literal_error": "{expected}",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
}


class Section(BaseModel):
    """Base of all parts: frozen, no unknown keys, no silent conversions, all faults of a part together."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=False
    )

    @classmethod
    def crosscheck(cls, raw: Mapping[str, Any], info: ValidationInfo) -> Iterator[InitErrorDetails]:
        """Faults between the keys of this part as the file has them (any key may be missing or wrong)."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _all_faults(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if isinstance(data, cls):
            return data
        faults = list(cls.crosscheck(data, info)) if isinstance(data, dict) else []
        try:
            part = handler(data)
        except ValidationError as failure:
            keys = tuple(field.alias or name for name, field in cls.model_fields.items())
            own = [_in_words(fault, keys) for fault in failure.errors(include_url=False) if not _echo(fault)]
            raise ValidationError.from_exception_data(cls.__name__, own + faults) from None
        if faults:
            raise ValidationError.from_exception_data(cls.__name__, faults)
        return part


def _echo(fault: ErrorDetails) -> bool:
    """Whether pydantic calls a list too short only because its entries have faults of their own."""
    return fault["type"] == "too_short" and len(fault["input"]) >= fault["ctx"]["min_length"]


def _in_words(fault: ErrorDetails, keys: tuple[str, ...]) -> InitErrorDetails:
    """Pydantic's fault as ours; ``keys`` are those of the section, for hints at its own level."""
    kind, location, value = fault["type"], fault["loc"], fault["input"]
    context = fault.get("ctx", {})
    if kind == "fault":
        return detail(location, context["expected"], value, got=context["got"])
    if kind == "missing":
        return detail(location, "this key", None)
    if kind == "extra_forbidden":
        name = str(location[-1])
        got = f"the unknown key `{shown(name)[1:-1]}`{nearest(name, keys)}"
        return detail(location, f"only the keys {', '.join(keys)}", value, got=got)
    expected = _EXPECTED.get(kind)
    if expected is None:
        return detail(location, f"something else ({fault['msg']})", value)
    return detail(location, expected.format(**context), value)
