"""`--target d50_um=8` and `--like IMAGE…`: targets from the command line."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from campaigns.specification import Campaign, TargetSpec
from models.errors import UnusableInput
from models.values import Target

_FORM = re.compile(r"\s*(?P<name>[A-Za-z]\w*)\s*(?P<relation><=|>=|=|≤|≥)\s*(?P<value>.+?)\s*")
_HELP = "expected descriptor=value, e.g. d50_um=8, or d50_um>=8, d50_um<=8, d50_um=7..9"


def parse_target(text: str) -> Target:
    """A target in words: ``d50_um=8``, ``d50_um="8 µm"``, ``d50_um>=8``, ``d50_um<=8`` or ``d50_um=7..9``.

    Tolerance and scale are 5 % of the wanted value. Errors: :class:`UnusableInput`.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise UnusableInput(f"--target {text}: {_HELP}.")
    value, relation = form["value"], form["relation"]
    wanted: dict[str, Any]
    if relation in ("<=", "≤"):
        wanted = {"at_most": _number(value)}
    elif relation in (">=", "≥"):
        wanted = {"at_least": _number(value)}
    elif ".." in value:
        low, _, high = value.partition("..")
        wanted = {"range": [_number(low), _number(high)]}
    else:
        wanted = {"value": _number(value)}
    try:
        return TargetSpec.model_validate({"descriptor": form["name"], **wanted}).target()
    except ValidationError as failure:
        context = failure.errors(include_url=False)[0].get("ctx", {})
        told = f"expected {context['expected']}, got {context['got']}" if "expected" in context else _HELP
        raise UnusableInput(f"--target {text}: {told}.") from None


def wanted_targets(campaign: Campaign, texts: Sequence[str], like: Sequence[Path]) -> tuple[Target, ...]:
    """The campaign's targets; those of ``--like`` and ``--target`` take the place of its own or are added.

    A reference image gives a value for each descriptor of the campaign that can be measured on it; the
    campaign's weight and scale stay, its tolerance is that of a value (5 %). Errors: :class:`UnusableInput`.
    """
    stated = {name: _measured(paths, [name])[name] for name, paths in campaign.like_images().items()}
    targets = {target.descriptor: target for target in campaign.targets(stated)}
    if like:
        shown = _measured(like)
        found = {name: value for name, value in shown.items() if name in targets}
        if not found:
            raise UnusableInput(
                f"The images of --like show {', '.join(sorted(shown)) or 'nothing measurable'}, none of "
                "which the "
                f"campaign aims for ({', '.join(targets)}); add a target with --target, or give other images."
            )
        for name, value in found.items():
            own = targets[name]
            targets[name] = dataclasses.replace(
                own, kind="value", low=value, high=value, tolerance=0.05 * abs(value)
            )
    for text in texts:
        given = parse_target(text)
        targets[given.descriptor] = given
    return tuple(targets.values())


def _measured(paths: Sequence[Path], descriptors: Sequence[str] | None = None) -> dict[str, float]:
    # Only what aims for images waits for the code that measures them to be imported.
    from models.inverse.references import measure_references

    return measure_references(paths, descriptors)


def _number(text: str) -> float | str:
    """A bare number as such; anything else ("8 µm") is left to the quantities of the campaign file."""
    try:
        return float(text)
    except ValueError:
        return text.strip()
