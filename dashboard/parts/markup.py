"""HTML in small pieces: everything that is not :class:`Markup` already is escaped."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from markupsafe import Markup, escape

from campaigns.report.page import figure

Piece = object
"""Markup, or anything else as its text."""

NOTHING = "–"
_VOID = frozenset({"img", "br", "input", "line", "rect"})

STATES = {
    "running": ("▶", "accent"),
    "waiting": ("◆", "warn"),
    "converged": ("✓", "good"),
    "budget_spent": ("■", "plain"),
    "stalled": ("▲", "warn"),
    "aborted": ("✕", "bad"),
    "proposed": ("◇", "warn"),
    "approved": ("◆", "accent"),
    "dispatching": ("▶", "accent"),
    "synthesised": ("◔", "accent"),
    "imaged": ("◑", "accent"),
    "quantified": ("◕", "accent"),
    "accepted": ("●", "good"),
    "learned": ("✓", "good"),
    "rejected": ("✕", "plain"),
    "failed": ("✕", "bad"),
    "unknown": ("?", "bad"),
    "met": ("✓", "good"),
    "missed": ("✕", "bad"),
    "undecided": ("?", "warn"),
}
"""Sign and tone of each state: never told by colour alone."""


def tag(name: str, /, *children: Piece, **attributes: object) -> Markup:
    """One element. ``class_`` is ``class``, other underscores are hyphens; None and False leave one out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Iterable[Piece], between: str | Markup = "") -> Markup:
    """The pieces one after the other."""
    return Markup(between).join(escape(child) for child in children if child is not None)


def badge(text: str, tone: str | None = None) -> Markup:
    """A state with its sign."""
    sign, usual = STATES.get(text, ("", "plain"))
    shown = text.replace("_", " ")
    mark = tag("i", sign, aria_hidden="true") if sign else None
    return tag("span", mark, shown, class_=f"badge {tone or usual}")


def simulated_badge(simulated: bool) -> Markup:
    """Says of one thing among others that it is simulated."""
    return tag("span", "simulated", class_="badge simulated") if simulated else Markup("")


def table(
    headings: Sequence[Piece],
    rows: Sequence[Sequence[Piece]],
    *,
    numbers: Iterable[int] = (),
    empty: str = "None.",
) -> Markup:
    """A table that scrolls sideways where it is too wide; columns of ``numbers`` are set right."""
    right = frozenset(numbers)
    if not rows:
        return tag("p", empty, class_="faint")

    def cells(kind: str, pieces: Sequence[Piece]) -> Markup:
        scope = "col" if kind == "th" else None
        return join(
            piece
            if isinstance(piece, Markup) and piece.startswith(f"<{kind}")
            else tag(kind, piece, class_="number" if n in right else None, scope=scope)
            for n, piece in enumerate(pieces)
        )

    body = join(tag("tr", cells("td", row)) for row in rows)
    head = tag("thead", tag("tr", cells("th", headings)))
    return tag("div", tag("table", head, tag("tbody", body)), class_="scroll", tabindex="0")


def facts(pairs: Iterable[tuple[Piece, Piece]]) -> Markup:
    """Names and what belongs to them, one pair a line."""
    return tag("dl", *(join((tag("dt", name), tag("dd", text))) for name, text in pairs), class_="facts")


def link(text: Piece, href: str, class_: str | None = None) -> Markup:
    """A link within the dashboard; ``href`` has its prefix already."""
    return tag("a", text, href=href, class_=class_)


def quantity(value: object, unit: str = "") -> str:
    """A number or a word with its unit."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    text = figure(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    return text if unit in ("", NOTHING) else f"{text} {unit}"


def setting(value: object, unit: str = "") -> str:
    """A condition as it is set: not rounded."""
    text = f"{value:g}" if isinstance(value, int | float) else str(value)
    return text if unit in ("", NOTHING) else f"{text} {unit}"


def with_interval(value: float | None, low: float | None, high: float | None) -> Markup:
    """A value and its interval."""
    if value is None:
        return Markup(NOTHING)
    ends = f"[{quantity(low)}, {quantity(high)}]"
    return join((quantity(value), " ", tag("span", ends, class_="faint")))


def moment(at: str) -> Markup:
    """A time to the second, UTC."""
    return tag("time", at[:19].replace("T", " "), datetime=at, title="UTC") if at else Markup(NOTHING)


def since(at: str, now: datetime | None = None) -> str:
    """How long ago an ISO time was, in words."""
    try:
        seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(at)).total_seconds()
    except (ValueError, TypeError):
        return NOTHING
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"


def duration(seconds: float) -> str:
    """A time span in its fitting unit."""
    for limit, size, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
