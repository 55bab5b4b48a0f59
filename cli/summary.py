"""A campaign's status as a person reads it."""

from rich.text import Text

from campaigns.ledger import CampaignStatus, IterationStatus
from cli.units import shown_unit

_COLOURS = {"converged": "green", "running": "cyan"}


def summary(status: CampaignStatus) -> Text:
    """Headline, what each experiment was expected to give and gave, and where the report is."""
    text = Text()
    for iteration in status.iterations:
        _iteration(text, iteration)
    text.append(f"{status.campaign}: ")
    text.append(str(status.status).replace("_", " "), style=f"bold {_COLOURS.get(status.status, 'yellow')}")
    text.append(" (simulated lab)\n" if status.simulated else "\n")
    if status.reason:
        text.append(f"{status.reason}\n")
    fields = sum(one.fields for one in status.iterations)
    text.append(
        f"{len(status.iterations)} experiments, {fields} fields of view, "
        f"{status.virtual_hours:.1f} h in the lab, {status.seconds:.0f} s of computing, seed {status.seed}\n"
    )
    text.append(f"Report: {status.report}" if status.report else "No report yet.")
    return text


def _iteration(text: Text, iteration: IterationStatus) -> None:
    units = iteration.units
    conditions = ", ".join(
        f"{name} {_plain(value)} {shown_unit(units.get(name, ''))}".strip()
        for name, value in iteration.conditions.items()
    )
    text.append(f"{iteration.index:>3} ", style="bold")
    enough = {True: ", representative", False: ", not representative", None: ""}[iteration.representative]
    rejected = f" ({iteration.rejected_fields} more rejected)" if iteration.rejected_fields else ""
    device = f" ({iteration.device})" if iteration.device else ""
    text.append(f"{iteration.state}{device}, {iteration.fields} fields{rejected}{enough}: {conditions}\n")
    if iteration.reason:
        text.append(f"    {iteration.reason}\n", style="yellow")
    for name, wanted in iteration.target.items():
        predicted, measured = iteration.predicted.get(name), iteration.measured.get(name)
        text.append(f"    {name:<22} wanted {_band(wanted.low, wanted.high):<9}")
        if predicted is not None and predicted.mean is not None:
            text.append(f" predicted {predicted.mean:.3g} ± {predicted.sd or 0.0:.2g}".ljust(27))
        else:
            text.append("".ljust(27))
        text.append(
            f" measured {_measured(measured.value, measured.ci)}" if measured else " not measured yet"
        )
        text.append(f" {shown_unit(wanted.unit)}\n")


def _band(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"≥ {low:g}" if low is not None else f"≤ {high:g}" if high is not None else "anything"
    return f"{low:g}" if low == high else f"{low:g}…{high:g}"


def _measured(value: float | None, ci: tuple[float | None, float | None]) -> str:
    if value is None:
        return "undefined"
    low, high = ci
    return f"{value:.3g}" if low is None or high is None else f"{value:.3g} [{low:.3g}, {high:.3g}]"


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
