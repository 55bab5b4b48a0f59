"""Reference pages that are made from what they describe: the files, REST, Python."""

import importlib
import inspect
import re
import tempfile
from pathlib import Path
from typing import Any

PYTHON = {
    "models.morphology": ("quantify", "segment", "MorphologyResult", "register_segmenter", "Measure"),
    "models.representativity": ("estimate", "Representativity", "descriptor_intervals"),
    "models.micrographs": ("read", "find_images"),
    "models.generator": ("load", "Generator"),
    "models.inverse": ("optimise", "InverseResult"),
    "campaigns.specification": ("load", "Campaign"),
    "campaigns.ledger": ("Ledger", "CampaignStatus", "IterationStatus"),
    "devices.labfile": ("load_lab", "read_lab_file"),
    "flows.campaign": ("campaign",),
    "flows.retraining": ("retrain",),
    "dashboard.client": ("Client",),
}
"""What scripts may rely on, by module."""


def plain(text: str | None) -> str:
    """A docstring as Markdown: roles and double back-ticks as code."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", inspect.cleandoc(text or ""))
    text = re.sub(r"^Args:$", "Arguments:\n", text, flags=re.MULTILINE)
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def campaign_file() -> str:
    """The keys of a campaign file, from its model."""
    from campaigns.specification import Campaign

    return _file(
        "Campaign file", "Every key of a campaign file, made from the model that reads it.", Campaign
    )


def lab_file() -> str:
    """The keys of a lab file, from its model."""
    from devices.sections import LabFile

    return _file("Lab file", "Every key of a lab file, made from the model that reads it.", LabFile)


def _file(title: str, introduction: str, model: Any) -> str:
    schema = model.model_json_schema()
    sections = {title: schema, **schema.get("$defs", {})}
    lines = [f"# {title}", "", introduction]
    lines += [
        "A quantity is a number in the unit that is declared for it, or text with another unit of the same"
    ]
    lines += ["dimension (`8 h` where minutes are declared).", ""]
    for name, section in sections.items():
        lines += [] if name == title else [f"## {_heading(name)}", ""]
        lines += [plain(section.get("description")), "", "| key | what it takes | default |", "|---|---|---|"]
        required = section.get("required", ())
        for key, value in section.get("properties", {}).items():
            default = "needed" if key in required else _code(value.get("default"))
            told = f"{_kind(value)}{_told(value)}".replace("|", "\\|")
            lines.append(f"| `{key}` | {told} | {default} |")
        lines.append("")
    return "\n".join(lines)


def _heading(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("Section").removesuffix("Spec"))
    return words.capitalize()


def _link(reference: str) -> str:
    heading = _heading(reference.rpartition("/")[2])
    return f"[{heading.lower()}](#{heading.lower().replace(' ', '-')})"


def _code(value: object) -> str:
    if isinstance(value, dict | list):
        return "" if not value else "as its keys have it"
    return "" if value in (None, "") else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _told(value: dict[str, Any]) -> str:
    return f"; {plain(value['description'])}" if value.get("description") and "$ref" not in value else ""


def _kind(value: dict[str, Any]) -> str:
    """What a value may be, in words."""
    if "$ref" in value:
        return _link(value["$ref"])
    if "enum" in value:
        return "one of " + ", ".join(f"`{one}`" for one in value["enum"])
    if "anyOf" in value:
        kinds = [_kind(one) for one in value["anyOf"] if one.get("type") != "null"]
        if {one.get("type") for one in value["anyOf"]} - {"null"} == {"number", "string"} and len(kinds) == 2:
            return "quantity"
        return " or ".join(dict.fromkeys(kinds))
    kind = value.get("type", "anything")
    if kind == "array":
        return f"list of {_kind(value.get('items') or value.get('prefixItems', [{}])[0])}"
    if kind == "object":
        inner = value.get("additionalProperties") or next(
            iter(value.get("patternProperties", {}).values()), None
        )
        return f"by name: {_kind(inner)}" if isinstance(inner, dict) else "keys and values"
    words = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true` or `false`"}
    return words.get(kind, kind) + _bounds(value)


def _bounds(value: dict[str, Any]) -> str:
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {value[key]:,.10g}" for key, word in limits.items() if key in value)


def rest() -> str:
    """Every route of the API, from its OpenAPI description."""
    from dashboard.api.application import create_api

    with tempfile.TemporaryDirectory() as home:
        description = create_api(Path(home)).openapi()
    lines = [
        "# REST",
        "",
        f"Version {description['info']['version']}, under `/api/v1`; made from the OpenAPI description that",
    ]
    lines += [
        "`GET /api/v1/openapi.json` gives. [How it is used](../rest-api.md), with roles and errors.",
        "",
    ]
    for path, methods in description["paths"].items():
        for method, route in methods.items():
            lines += [
                f"## {method.upper()} {path}",
                "",
                plain(route.get("description") or route.get("summary")),
                "",
            ]
            taken = [_parameter(one) for one in route.get("parameters", ())]
            body = next(iter(route.get("requestBody", {}).get("content", {}).items()), None)
            if body:
                taken += [f"| body | {body[0]} | {_model(body[1].get('schema', {}))} |"]
            for status, answer in route["responses"].items():
                content = next(iter(answer.get("content", {}).items()), None)
                if content and status.startswith("2"):
                    taken += [f"| answer {status} | {content[0]} | {_model(content[1].get('schema', {}))} |"]
            lines += ["| | | |", "|---|---|---|", *taken, ""] if taken else []
    lines += ["## Bodies", ""]
    for name, schema in description["components"]["schemas"].items():
        keys = ", ".join(f"`{key}`" for key in schema.get("properties", {}))
        lines += [f"### {name}", "", plain(schema.get("description")), "", keys, ""]
    return "\n".join(lines)


def _parameter(one: dict[str, Any]) -> str:
    return f"| `{one['name']}` | {one['in']} | {_kind(one.get('schema', {}))} |"


def _model(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{re.sub(r'[^a-z0-9_]+', '', name.lower())})"
    if schema.get("type") == "array":
        return f"list of {_model(schema.get('items', {}))}"
    return str(schema.get("type", "anything"))


def python() -> str:
    """What scripts may rely on: signatures and docstrings."""
    lines = [
        "# Python",
        "",
        "What scripts may rely on. Arrays are numpy's, lengths are in the unit that a name ends in.",
        "",
    ]
    for module, names in PYTHON.items():
        found = importlib.import_module(module)
        lines += [f"## {module}", "", plain(found.__doc__).partition("\n")[0], ""]
        for name in names:
            one = getattr(found, name)
            one = getattr(one, "fn", one)  # a Prefect flow is told as the function that it was made of
            lines += [
                f"### {name}",
                "",
                "```python",
                f"{name}{_signature(one)}",
                "```",
                "",
                plain(one.__doc__),
                "",
            ]
            lines += [_method(key, member) for key, member in _methods(one)]
            lines.append("")
    return "\n".join(lines)


def _methods(one: Any) -> list[tuple[str, Any]]:
    """The public methods of a class of ours, by name, with those of its bases of ours."""
    found = inspect.getmembers(one, inspect.isfunction) if inspect.isclass(one) else []
    ours = one.__module__.partition(".")[0]
    return [
        (key, member)
        for key, member in found
        if key[0] != "_" and member.__doc__ and member.__module__.partition(".")[0] == ours
    ]


def _method(name: str, member: Any) -> str:
    taken = ", ".join(list(inspect.signature(member).parameters)[1:])
    return f"- `{name}({taken})`: {plain(member.__doc__).split(chr(10) * 2)[0]}"


def _signature(one: Any) -> str:
    """The arguments and what is returned, one to a line where they are long; nothing of a protocol."""
    if getattr(one, "_is_protocol", False):
        return ""
    signature = inspect.signature(one)
    given = [_annotated(str(each)) for name, each in signature.parameters.items() if name != "self"]
    back = signature.return_annotation
    returned = (
        "" if back in (inspect.Signature.empty, None) else f" -> {_annotated(inspect.formatannotation(back))}"
    )
    line = f"({', '.join(given)}){returned}"
    return line if len(line) < 80 else "(\n" + "".join(f"    {each},\n" for each in given) + f"){returned}"


def _annotated(text: str) -> str:
    """An annotation without modules, quotes and what pydantic checks."""
    text = re.sub(r"Annotated\[(.*?), FieldInfo\(.*\)\]", r"\1", text)
    text = re.sub(r"<function (\w+) at \w+>", r"\1", text)
    text = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text).replace("tuple[Any, ...], dtype[Any]", "Any")
    return re.sub(r"(^|: )'([^']+)'", r"\1\2", text)
