"""`--set name=value`: synthesis conditions from the command line, checked against what a generator knows."""

import math
from collections.abc import Sequence

from cli.output import console
from models.errors import UnusableInput
from models.generator.schema import GeneratorSchema, ParameterRange
from models.values import Conditions


def parse_conditions(settings: Sequence[str], schema: GeneratorSchema) -> dict[str, float | str]:
    """Complete conditions in the units of ``schema``; parameters that training held fixed fill themselves in.

    A value outside the trained range passes with a warning on standard error.
    Errors: :class:`UnusableInput` for a malformed, unknown, repeated, missing or unusable setting.
    """
    parameters = {parameter.name: parameter for parameter in schema.parameters}
    given: dict[str, float | str] = {}
    for setting in settings:
        name, separator, text = (part.strip() for part in setting.partition("="))
        if not separator or not name or not text:
            raise UnusableInput(f"--set expects name=value, e.g. pH=10.5, but {setting!r} was given.")
        if name not in parameters:
            raise UnusableInput(
                f"--set {setting}: the model knows no parameter {name!r}; it knows {', '.join(parameters)}."
            )
        if name in given:
            raise UnusableInput(f"--set {name} was given twice; give each parameter once.")
        given[name] = _value(parameters[name], text)
    missing = [p for p in schema.parameters if p.varies and p.name not in given]
    if missing:
        examples = " ".join(f"--set {p.name}=…" for p in missing)
        raise UnusableInput(f"The conditions lack {', '.join(map(_described, missing))}: add {examples}")
    for parameter in schema.parameters:
        if not parameter.varies:
            given.setdefault(
                parameter.name, parameter.categories[0] if parameter.categories else parameter.low
            )
    schema.check(given)
    _warn_of_extrapolation(given, schema)
    return {name: given[name] for name in parameters}


def _value(parameter: ParameterRange, text: str) -> float | str:
    if parameter.categories:
        if text not in parameter.categories:
            raise UnusableInput(
                f"--set {parameter.name}={text}: expected one of {', '.join(parameter.categories)}."
            )
        return text
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UnusableInput(
            f"--set {parameter.name}={text}: expected a number, e.g. {_described(parameter)}."
        )
    if not parameter.varies and value != parameter.low:
        raise UnusableInput(
            f"--set {parameter.name}={text}: the model has only seen {_described(parameter)} and cannot "
            "respond to "
            "another value; leave it out."
        )
    return value


def _described(parameter: ParameterRange) -> str:
    if parameter.categories:
        return f"{parameter.name} ({' or '.join(parameter.categories)})"
    low, high = f"{parameter.low:g}", f"{parameter.high:g}"
    values = low if low == high else f"{low} to {high}"
    return f"{parameter.name} ({f'{values} {parameter.unit}'.strip()})"


def _warn_of_extrapolation(conditions: Conditions, schema: GeneratorSchema) -> None:
    for parameter in schema.parameters:
        value = conditions[parameter.name]
        if isinstance(value, float) and not parameter.low <= value <= parameter.high:
            console.print(
                f"{parameter.name} = {value:g} {parameter.unit}".strip()
                + f" is an extrapolation: the model was trained on {_described(parameter)}.",
                style="yellow",
                markup=False,
            )
