"""From the ledger to what the report shows."""

import math
from collections.abc import Sequence
from datetime import datetime

from campaigns.decisions import Outcome, discrepancy, verdicts
from campaigns.ledger import (
    CampaignRecord,
    ExperimentRecord,
    HistoryRecord,
    Ledger,
    Measurement,
    Micrograph,
    ModelUse,
    Prediction,
    State,
)
from campaigns.report.contents import (
    Comparison,
    Contents,
    ExperimentView,
    ModelView,
    Picture,
    PictureRow,
    Step,
    Wanted,
)
from campaigns.report.overlays import overlay_path
from campaigns.report.page import figure
from campaigns.report.pictures import embed
from campaigns.report.provenance import provenance
from campaigns.specification import Campaign, View
from models.morphology import known_descriptors
from models.values import Target

SHOWN_FIELDS = 2
SHOWN_TILES = 4
STEPS = {
    State.PROPOSED: "suggest",
    State.APPROVED: "approve",
    State.DISPATCHING: "dispatch",
    State.SYNTHESISED: "synthesise",
    State.IMAGED: "image",
    State.QUANTIFIED: "quantify",
    State.ACCEPTED: "compare",
    State.LEARNED: "learn",
}
_LOOKED = (State.ACCEPTED, State.LEARNED)


def gather(ledger: Ledger, campaign_id: str) -> tuple[Contents, float]:
    """Everything that the page shows, and the confidence of its intervals."""
    record = ledger.campaign(campaign_id)
    campaign = Campaign.from_json(record.specification)
    history = _timed(ledger.history(campaign_id))
    experiments = ledger.experiments(campaign_id)
    contents = Contents(
        name=record.id,
        title=campaign.description or record.name,
        status=str(record.status),
        reason=record.reason if str(record.status) != "running" else "",
        simulated=record.simulated,
        targets=tuple(wanted(target, record) for target in record.targets),
        experiments=tuple(_experiment(ledger, campaign, record, one, history) for one in experiments),
        models=_models(ledger.model_uses(campaign_id)) if campaign.model.generator is not None else (),
        timings=_timings(history),
        provenance=provenance(ledger, record, campaign),
        figures=(
            ("experiments", str(sum(one.dispatch_key is not None for one in experiments))),
            ("fields of view", str(sum(one.fields for one in experiments))),
            ("lab time" + (" (virtual)" if record.simulated else ""), f"{record.virtual_hours:.1f} h"),
            ("computing time", _duration(record.seconds)),
            ("seed", str(record.seed)),
        ),
    )
    return contents, campaign.imaging.confidence


def wanted(target: Target, record: CampaignRecord) -> Wanted:
    """A target as people read it, in its unit."""
    known = known_descriptors().get(target.descriptor)
    low = target.low if math.isfinite(target.low) else None
    high = target.high if math.isfinite(target.high) else None
    if low is not None and low == high:
        text = figure(low)
    elif low is not None and high is not None:
        text = f"{figure(low)} to {figure(high)}"
    else:
        text = f"≥ {figure(low)}" if low is not None else f"≤ {figure(high or 0.0)}"
    return Wanted(
        target.descriptor,
        record.units.get(target.descriptor, ""),
        known.meaning if known else "",
        f"{text} (± {figure(target.tolerance)})",
        low,
        high,
        target.tolerance,
    )


def _experiment(
    ledger: Ledger,
    campaign: Campaign,
    record: CampaignRecord,
    experiment: ExperimentRecord,
    history: Sequence[tuple[HistoryRecord, float]],
) -> ExperimentView:
    predictions = {one.descriptor: one for one in ledger.predictions(experiment.id)}
    measurements = {one.descriptor: one for one in ledger.measurements(experiment.id)}
    micrographs = ledger.micrographs(experiment.id)
    units = campaign.units()
    return ExperimentView(
        index=experiment.index,
        state=str(experiment.state),
        conditions=tuple(
            (name, _condition(experiment, name, units.get(name, "")))
            for name in _searched_first(campaign)
            if name in experiment.conditions
        ),
        comparisons=_comparisons(record.targets, predictions, measurements, experiment),
        fields=experiment.fields,
        representative=experiment.representative,
        model=experiment.model_version,
        dispatch_key=experiment.dispatch_key or "",
        reactor_starts=experiment.reactor_starts,
        pictures=tuple(_pictures(view, micrographs) for view in campaign.imaging.views),
        history=tuple(
            Step(row.at[:19].replace("T", " "), row.to_state, row.author, row.reason, seconds)
            for row, seconds in history
            if row.experiment_id == experiment.id
        ),
    )


def _condition(experiment: ExperimentRecord, name: str, unit: str) -> str:
    asked, reached = experiment.conditions[name], (experiment.reached or {}).get(name)
    told = "" if reached in (None, asked) else f" (reached: {_quantity(reached, unit)})"
    return _quantity(asked, unit) + told


def _searched_first(campaign: Campaign) -> list[str]:
    return [p.name for p in sorted(campaign.parameters, key=lambda parameter: parameter.value is not None)]


def _comparisons(
    targets: Sequence[Target],
    predictions: dict[str, Prediction],
    measurements: dict[str, Measurement],
    experiment: ExperimentRecord,
) -> dict[str, Comparison]:
    intervals = {name: one.interval for name, one in measurements.items()}
    looking = experiment.state not in _LOOKED
    outcomes = {one.descriptor: one.outcome for one in verdicts(targets, intervals, may_look_again=looking)}
    found = {}
    for target in targets:
        name = target.descriptor
        prediction, interval = predictions.get(name), intervals.get(name)
        value = interval.value if interval is not None else math.nan
        found[name] = Comparison(
            predicted=_finite(prediction.estimate.mean) if prediction else None,
            predicted_sd=_finite(prediction.estimate.sd) if prediction else None,
            measured=_finite(value),
            low=_finite(interval.low) if interval else None,
            high=_finite(interval.high) if interval else None,
            discrepancy=_finite(100 * discrepancy(target, value)),
            verdict=str(outcomes.get(name, Outcome.UNDECIDED)) if interval is not None else "",
        )
    return found


def _pictures(view: View, micrographs: Sequence[Micrograph]) -> PictureRow:
    here = [one for one in micrographs if one.magnification == view.magnification]
    predicted = [one for one in here if one.kind == "predicted"][:SHOWN_TILES]
    measured = [one for one in here if one.kind == "measured"]
    shown: list[Picture] = []
    for place, one in enumerate(measured[:SHOWN_FIELDS], start=1):
        overlay = overlay_path(one)
        path = overlay if overlay.exists() else one.path
        shown.append(embed(path, f"field {place} of {len(measured)}", "measured"))
    return PictureRow(
        f"{view.magnification:g}×",
        tuple(embed(one.path, _scale(one), "predicted") for one in predicted),
        tuple(shown),
    )


def _models(uses: Sequence[ModelUse]) -> tuple[ModelView, ...]:
    """Each version once, in the order in which it came up, with what the gate said of it."""
    found: dict[str, ModelView] = {}
    for use in uses:
        known = found.get(use.version, ModelView(use.version, use.parent, "", ()))
        if use.action in ("promoted", "refused", "adopted"):
            errors = use.metrics or {}
            metrics = tuple(
                (name.replace("_", " "), figure(value))
                for name, value in errors.items()
                if isinstance(value, int | float)
            )
            known = ModelView(use.version, use.parent, f"{use.action}: {use.reason}", metrics)
        found[use.version] = known
    return tuple(found.values())


def _timed(history: Sequence[HistoryRecord]) -> list[tuple[HistoryRecord, float]]:
    """Each move with the seconds since the one before it."""
    moments = [datetime.fromisoformat(row.at) for row in history]
    before = moments[:1] + moments[:-1]
    return [
        (row, (moment - earlier).total_seconds())
        for row, moment, earlier in zip(history, moments, before, strict=True)
    ]


def _timings(history: Sequence[tuple[HistoryRecord, float]]) -> tuple[tuple[str, float], ...]:
    spent = dict.fromkeys(STEPS.values(), 0.0)
    for row, seconds in history:
        if row.experiment_id is not None and row.to_state in set(STEPS):
            spent[STEPS[State(row.to_state)]] += seconds
    return tuple(spent.items())


def _scale(micrograph: Micrograph) -> str:
    return f"{1000 * micrograph.pixel_size_um:.3g} nm/pixel"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _quantity(value: float | str, unit: str) -> str:
    text = value if isinstance(value, str) else f"{value:g}"
    return text if unit in ("", "–") else f"{text} {unit}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
