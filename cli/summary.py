"""A campaign's status as a person reads it."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from campaigns.ledger import CampaignStatus, IterationStatus

_COLOURS = {
    "converged": "green",
    "running": "cyan",
    "waiting": "yellow",
    "stalled": "yellow",
    "budget_spent": "yellow",
}


def summary(status: CampaignStatus) -> RenderableType:
    """Headline, one line per experiment and descriptor, and where the report is."""
    head = Text()
    head.append(f"{status.campaign}: ")
    head.append(str(status.status).replace("_", " "), style=f"bold {_COLOURS.get(status.status, 'red')}")
    head.append(" (simulated lab)" if status.simulated else "")
    table = Table(box=None, pad_edge=False)
    for name in (
        "#",
        "state",
        "conditions",
        "descriptor",
        "target",
        "predicted",
        "measured",
        "fields",
        "model",
    ):
        table.add_column(name, no_wrap=name not in ("conditions", "model"))
    for iteration in status.iterations:
        _rows(table, iteration)
    fields = sum(one.fields for one in status.iterations)
    foot = Text(
        f"{len(status.iterations)} experiments, {fields} fields of view, "
        f"{status.virtual_hours:.1f} h in the lab, {status.seconds:.0f} s of computing; seed {status.seed}."
    )
    report = Text(f"Report: {status.report}" if status.report else "No report yet.")
    return Group(head, Text(status.reason), table, foot, report)


def _rows(table: Table, iteration: IterationStatus) -> None:
    units = iteration.units
    conditions = ", ".join(
        f"{name} {value if isinstance(value, str) else format(value, 'g')} {_unit(units.get(name, ''))}".strip()
        for name, value in iteration.conditions.items()
    )
    for number, (name, wanted) in enumerate(iteration.target.items()):
        first = number == 0
        predicted, measured = iteration.predicted.get(name), iteration.measured.get(name)
        low, high = wanted.low, wanted.high
        target = f"{low:g}" if low is not None and low == high else f"{_end(low)}…{_end(high)}"
        table.add_row(
            str(iteration.index) if first else "",
            str(iteration.state) if first else "",
            conditions if first else "",
            f"{name} {_unit(wanted.unit)}".rstrip(),
            target,
            f"{predicted.mean:.3g} ± {predicted.sd:.2g}" if predicted and predicted.mean is not None else "–",
            _measured(measured.value, measured.ci) if measured else "–",
            str(iteration.fields) if first else "",
            iteration.model if first else "",
        )


def _measured(value: float | None, ci: tuple[float | None, float | None]) -> str:
    if value is None:
        return "undefined"
    low, high = ci
    return f"{value:.3g}" if low is None or high is None else f"{value:.3g} [{low:.3g}, {high:.3g}]"


def _end(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _unit(unit: str) -> str:
    return "" if unit in ("", "–") else unit
