"""Scheduled retraining: fine-tune on everything that was accepted, gate, and promote what is better."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from pydantic import Field

from campaigns.decisions import held_out
from campaigns.ledger import ExperimentRecord, Ledger, ModelUse, State, has_ledger
from flows.deployments.this_run import next_run
from flows.opening import open_ledger
from flows.progress import Event, tell
from flows.seeds import derive
from flows.triggers import ATTEMPT, Triggers, due
from models.errors import UnusableInput
from models.generator.retraining import RetrainingCheck, write_check
from models.home import state_directory


@dataclass(frozen=True)
class Retraining:
    """What came of a retraining: the version that is current now, whether it is new, and why."""

    version: str
    promoted: bool
    reason: str
    experiments: int


@flow(name="retraining", retries=0, persist_result=False)
def retrain(
    simulated: bool = False,
    steps: Annotated[int, Field(ge=1)] = 200,
    replay: Annotated[float, Field(ge=0, lt=1)] = 0.5,
    hold_out_every: Annotated[int, Field(ge=2)] = 4,
    min_improvement: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    seed: Annotated[int, Field(ge=0)] = 0,
    new_experiments: Annotated[int | None, Field(ge=1)] = None,
    drift: Annotated[float | None, Field(gt=0)] = None,
    days: Annotated[float | None, Field(gt=0)] = None,
    promotion: Literal["gate", "person"] = "gate",
) -> Retraining:
    """Fine-tune the current generator on all accepted experiments of one kind of lab; promote it if better.

    With triggers it is done when one of them says so, else each time. Simulated experiments never teach the
    version that a real lab uses unless `simulated` asks for them.

    Args:
        simulated: learn from simulated labs' experiments instead of the real lab's.
        steps: steps of the fine-tuning.
        replay: share of the base's own training conditions in each step.
        hold_out_every: every so-many-th experiment of a campaign is kept for judging.
        min_improvement: share by which the error on held-out conditions has to fall.
        seed: of the random choices.
        new_experiments: trigger: so many were accepted since the last attempt.
        drift: trigger: measurements are off the predictions by more than so many standard errors.
        days: trigger: so many days passed since the last attempt, and something is new.
        promotion: `gate`: a better version becomes current by itself; `person`: somebody has to promote it.

    Errors: :class:`UnusableInput` when there is no ledger, no generator or nothing that it could learn from.
    """
    home = state_directory()
    triggers = Triggers(new_experiments, drift, days=days)
    if not has_ledger(home, simulated=simulated):
        kind = "simulated" if simulated else "real"
        if triggers != Triggers():
            # A schedule on a new lab server is no failure.
            return _not_due(home, simulated, f"there is no experiment of a {kind} lab yet")
        raise UnusableInput(f"There is no ledger of a {kind} lab in {home}; run a campaign first.")
    with open_ledger(home, simulated=simulated) as ledger:
        experiments = accepted(ledger)
        is_due, why = due(ledger, experiments, triggers, datetime.now(UTC))
        if not is_due:
            return _not_due(home, simulated, why)
        _note(home, simulated, True, why)
        tell(Event("retraining", why, subject="model"))
        done = fine_tune_on(
            ledger, experiments, home, steps, replay, hold_out_every, min_improvement, seed, promotion
        )
    tell(Event("retraining", f"{done.version} is current; {done.reason}", subject="model"))
    return done


def _not_due(home: Path, simulated: bool, why: str) -> Retraining:
    from models.generator import registry

    _note(home, simulated, False, why)
    tell(Event("retraining", why, subject="model"))
    return Retraining(registry.current(home) or "", False, why, 0)


def _note(home: Path, simulated: bool, is_due: bool, why: str) -> None:
    """For those who look at the models: what this look gave, and when the next one is."""
    following = next_run()
    write_check(
        RetrainingCheck(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            simulated=simulated,
            due=is_due,
            reason=why,
            next_at="" if following is None else following.isoformat(timespec="seconds"),
        ),
        home,
    )


@task(name="collect", cache_policy=NO_CACHE, persist_result=False)
def accepted(ledger: Ledger) -> list[ExperimentRecord]:
    """All accepted experiments, by campaign and index."""
    campaigns = sorted(ledger.campaigns(), key=lambda record: record.id)
    return [
        experiment
        for record in campaigns
        for experiment in ledger.experiments(record.id)
        if experiment.state in (State.ACCEPTED, State.LEARNED)
    ]


@task(name="fine-tune and gate", cache_policy=NO_CACHE, persist_result=False)
def fine_tune_on(
    ledger: Ledger,
    experiments: list[ExperimentRecord],
    home: Path,
    steps: int,
    replay: float,
    hold_out_every: int,
    min_improvement: float,
    seed: int,
    promotion: Literal["gate", "person"],
) -> Retraining:
    """Fine-tune on the experiments that the current generator understands; the outcome is in the ledger."""
    from flows.learning import fine_tune_and_gate, measured_experiment
    from models.generator import load, registry

    generator = load(registry.locate(None, home))
    names = {parameter.name for parameter in generator.schema.parameters if parameter.varies}
    usable = [one for one in experiments if names <= set(one.conditions)]
    trained: list[ExperimentRecord] = []
    kept: list[ExperimentRecord] = []
    for one in usable:
        (kept if held_out(one.index, hold_out_every) else trained).append(one)
    if not trained:
        raise UnusableInput(
            f"None of the {len(experiments)} accepted experiments has the parameters of {generator.version} "
            f"({', '.join(sorted(names))}), so there is nothing to learn from; run such a campaign first."
        )
    outcome = fine_tune_and_gate(
        generator,
        [measured_experiment(ledger, one) for one in trained],
        [measured_experiment(ledger, one) for one in kept],
        steps=steps,
        replay=replay,
        min_improvement=min_improvement,
        seed=derive(seed, len(usable), "retrain"),
        created=max(one.updated_at for one in trained),
        home=home,
    )
    if outcome is None:
        raise UnusableInput(
            f"No field of view is as large as a tile of {generator.version}; take wider fields."
        )
    promoted = outcome.promoted and promotion == "gate"
    verdict, reason = ("promoted" if promoted else "refused"), outcome.reason
    if promoted:
        registry.promote(outcome.version, home)
    elif outcome.promoted:
        verdict = "waits for a person"
        reason += f"; `morpholoop model promote {outcome.version}` makes it current"
    # A campaign stays on its own line of versions: this is noted as a fine-tuning, not as its promotion.
    use = ModelUse(
        version=outcome.version,
        action="fine_tuned",
        parent=generator.version,
        metrics=outcome.metrics,
        reason=f"{ATTEMPT}, {verdict}: {reason}",
        experiment_id=trained[-1].id,
    )
    ledger.record_model_use(trained[-1].campaign_id, use)
    version = outcome.version if promoted else generator.version
    return Retraining(version, promoted, f"{outcome.version} {verdict}: {reason}", len(trained))
