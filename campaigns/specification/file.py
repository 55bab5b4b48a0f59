"""Reading a campaign file from disk."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from campaigns.specification.campaign import Campaign
from campaigns.specification.faults import CampaignFileError, Fault, Location, shown
from models.errors import UnusableInput

MAX_BYTES = 200_000
"""A campaign file is a few kilobytes; anything much larger is another file."""

_MAX_DEPTH = 30


def load(path: Path | str) -> Campaign:
    """The campaign in a YAML file; paths in it are resolved against its folder.

    Errors: :class:`CampaignFileError` with every fault of its content, :class:`UnusableInput` when it
    can't be read at all.
    """
    file = Path(path)
    text = _read(file)
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        lines: dict[Location, int] = {}
        repeated: list[Fault] = []
        if root is not None:
            _walk(root, (), lines, repeated, set())
        content: Any = loader.construct_document(root) if root is not None else None
    except yaml.MarkedYAMLError as failure:
        raise _unparsable(file, failure) from None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as failure:
        reason = (
            "it is nested too deeply" if isinstance(failure, RecursionError) else str(failure).split("\n")[0]
        )
        raise UnusableInput(f"The campaign file {file} is no valid YAML: {reason}.") from None
    if not isinstance(content, dict):
        raise UnusableInput(
            f"The campaign file {file} should hold a mapping with keys such as name, parameters and targets; "
            f"it holds {shown(content)}."
        )
    try:
        campaign = Campaign.model_validate(content, context={"folder": file.absolute().parent})
    except ValidationError as failure:
        faults = [_fault(error, lines) for error in failure.errors(include_url=False)]
        raise CampaignFileError(file, _in_order([*repeated, *faults])) from None
    if repeated:
        raise CampaignFileError(file, repeated)
    return campaign


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UnusableInput(f"There is no campaign file {file}; give the path of a YAML file.") from None
    except IsADirectoryError:
        raise UnusableInput(f"{file} is a folder; give the path of a campaign file (YAML) in it.") from None
    except OSError as failure:
        raise UnusableInput(f"The campaign file {file} cannot be read ({failure.strerror}).") from None
    if len(data) > MAX_BYTES:
        raise UnusableInput(f"{file} is larger than {MAX_BYTES} bytes, too large for a campaign file (YAML).")
    if not data.strip():
        raise UnusableInput(f"The campaign file {file} is empty; see campaigns/library for complete ones.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise UnusableInput(
            f"The campaign file {file} is not UTF-8 text (byte {failure.start + 1}); save it as UTF-8 YAML."
        ) from None


def _unparsable(file: Path, failure: yaml.MarkedYAMLError) -> UnusableInput:
    mark = failure.problem_mark or failure.context_mark
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = " ".join(part for part in (failure.context, failure.problem) if part)
    return UnusableInput(f"The campaign file {file} is no valid YAML{where}: {problem}.")


def _walk(
    node: yaml.Node, at: Location, lines: dict[Location, int], repeated: list[Fault], seen: set[int]
) -> None:
    """Note the line of every entry, and keys given twice, of which YAML would keep the last in silence."""
    if len(at) > _MAX_DEPTH:
        raise RecursionError
    lines.setdefault(at, node.start_mark.line + 1)
    if id(node) in seen:  # an alias: its entries were noted where they are written, and may even contain it
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*at, index), lines, repeated, seen)
    elif isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in first:
                got = f"it again (first in line {first[name]})"
                repeated.append(Fault((*at, name), "each key once", got, line))
            first.setdefault(name, line)
            lines.setdefault((*at, name), line)
            _walk(value, (*at, name), lines, repeated, seen)


def _fault(error: Any, lines: dict[Location, int]) -> Fault:
    location: Location = error["loc"]
    context = error.get("ctx", {})
    known = location
    while known and known not in lines:
        known = known[:-1]
    return Fault(location, context["expected"], context["got"], lines.get(known) if known else None)


def _in_order(faults: list[Fault]) -> list[Fault]:
    return sorted(dict.fromkeys(faults), key=lambda fault: fault.line or 0)
