"""The little that a campaign has to know of its lab file before the laboratory is loaded."""

from pathlib import Path

from campaigns.specification.faults import error

MAX_BYTES = 200_000


def check_lab(path: Path) -> Path:
    """The path, if a lab file lies there that says whether it is simulated. Errors: a fault."""
    if is_simulated(path) is None:
        raise error(
            "a lab file that says `simulated: true` or `simulated: false`",
            str(path),
            got=f"{path}, which says neither",
        )
    return path


def is_simulated(path: Path) -> bool | None:
    """What the lab file says; None when it says nothing clear. Errors: a fault when it is unreadable."""
    import yaml

    expected = "the path of a lab file, relative to the campaign file"
    try:
        with path.open("rb") as file:
            content = yaml.safe_load(file.read(MAX_BYTES).decode("utf-8"))
    except OSError as failure:
        reason = (failure.strerror or str(failure)).lower()
        raise error(expected, str(path), got=f"{path} ({reason})") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        raise error(expected, str(path), got=f"{path}, which is no YAML") from None
    simulated = content.get("simulated") if isinstance(content, dict) else None
    return simulated if isinstance(simulated, bool) else None
