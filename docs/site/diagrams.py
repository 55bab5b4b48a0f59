"""The diagrams of the explanation, as SVG: `python -m docs.site.diagrams` writes them to docs/images."""

from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

from campaigns.ledger.states import LEGAL, State

IMAGES = Path(__file__).parents[1] / "images"
WIDTH, HEIGHT, GAP_X, GAP_Y = 132, 46, 60, 44
INK, PAPER, QUIET, GOOD, BAD = "#263238", "#ffffff", "#eceff1", "#d7ecd9", "#f6dcd7"

LOOP = {
    "suggest": (0, 0, "swarm × generator"),
    "imagine": (1, 0, "predicted images"),
    "approve": (2, 0, "person or policy"),
    "synthesise": (3, 0, "reactor plan"),
    "image": (3, 1, "microscope plan"),
    "quantify": (2, 1, "descriptors"),
    "judge": (1, 1, "enough? on target?"),
    "learn": (0, 1, "residual, fine-tune"),
    "stop": (1, 2, "met, spent, stalled"),
}
LOOP_ARROWS = (
    ("suggest", "imagine"), ("imagine", "approve"), ("approve", "synthesise"), ("synthesise", "image"),
    ("image", "quantify"), ("quantify", "judge"), ("judge", "learn"), ("learn", "suggest"), ("judge", "stop"),
)  # fmt: skip
PLACES = {
    State.PROPOSED: (0, 1), State.APPROVED: (1, 1), State.DISPATCHING: (2, 1), State.SYNTHESISED: (3, 1),
    State.IMAGED: (3, 2), State.QUANTIFIED: (2, 2), State.ACCEPTED: (1, 2), State.LEARNED: (0, 2),
    State.UNKNOWN: (2, 0), State.REJECTED: (0, 3), State.ABORTED: (1, 3), State.FAILED: (2, 3),
}  # fmt: skip
"""Where each state stands, by column and row."""


def loop() -> str:
    """The steps of one experiment."""
    boxes = [_box(column, row, name, note, QUIET) for name, (column, row, note) in LOOP.items()]
    arrows = [_arrow(LOOP[start][:2], LOOP[end][:2]) for start, end in LOOP_ARROWS]
    more = _bow(LOOP["judge"][:2], LOOP["image"][:2], "more fields")
    return _picture([*arrows, more, *boxes], columns=4, rows=3)


def ledger() -> str:
    """The states of an experiment and the moves between them, as the ledger allows them."""
    colour = {
        State.LEARNED: GOOD,
        State.REJECTED: BAD,
        State.ABORTED: BAD,
        State.FAILED: BAD,
        State.UNKNOWN: BAD,
    }
    boxes = [_box(*PLACES[state], state.value, "", colour.get(state, QUIET)) for state in State]
    # To aborted and failed leads a way from nearly everywhere; the text says so.
    moves = [
        (start, end)
        for start in State
        for end in sorted(LEGAL[start])
        if end not in (State.ABORTED, State.FAILED, State.REJECTED)
    ]
    return _picture(
        [*(_arrow(PLACES[start], PLACES[end]) for start, end in moves), *boxes], columns=4, rows=3
    )


def _corner(column: int, row: int) -> tuple[int, int]:
    return 20 + column * (WIDTH + GAP_X), 20 + row * (HEIGHT + GAP_Y)


def _box(column: int, row: int, name: str, note: str, fill: str) -> str:
    x, y = _corner(column, row)
    middle = x + WIDTH // 2
    lines = f'<text x="{middle}" y="{y + (21 if note else 28)}" font-weight="600">{escape(name)}</text>'
    lines += f'<text x="{middle}" y="{y + 37}" font-size="11">{escape(note)}</text>' if note else ""
    return f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{fill}"/>{lines}'


def _arrow(start: tuple[int, ...], end: tuple[int, ...]) -> str:
    """A straight arrow from edge to edge; one each way side by side."""
    (x0, y0), (x1, y1) = _corner(*start), _corner(*end)
    over, down = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
    aside = 7
    ax, ay = x0 + WIDTH / 2 * (1 + over), y0 + HEIGHT / 2 * (1 + down)
    bx, by = x1 + WIDTH / 2 * (1 - over), y1 + HEIGHT / 2 * (1 - down)
    shift_x, shift_y = (0, -aside * over) if not down else (aside * down, 0)
    return _line(f"M{ax + shift_x:g} {ay + shift_y:g} L{bx + shift_x:g} {by + shift_y:g}")


def _bow(start: tuple[int, ...], end: tuple[int, ...], told: str) -> str:
    (x0, y0), (x1, y1) = _corner(*start), _corner(*end)
    a, b, low = x0 + WIDTH * 0.75, x1 + WIDTH / 2, y0 + HEIGHT
    text = f'<text x="{(a + b) / 2:g}" y="{low + 30}" font-size="11">{escape(told)}</text>'
    return _line(f"M{a:g} {low} V{low + 14} H{b:g} V{y1 + HEIGHT}") + text


def _line(path: str) -> str:
    return f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="1.4" marker-end="url(#head)"/>'


def _picture(parts: Iterable[str], columns: int, rows: int) -> str:
    width, height = (end + 20 for end in _corner(columns, rows))
    width, height = width - GAP_X, height - GAP_Y
    tip = f'<path d="M0 0 L9 4 L0 8 z" fill="{INK}"/>'
    head = (
        f'<marker id="head" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">{tip}</marker>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'font-family="sans-serif" font-size="14" text-anchor="middle" fill="{INK}">\n<defs>{head}</defs>\n'
        f'<rect width="{width}" height="{height}" fill="{PAPER}" rx="8"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


PICTURES = {"loop-steps.svg": loop, "ledger-states.svg": ledger}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (IMAGES / name).write_text(draw(), encoding="utf-8")
