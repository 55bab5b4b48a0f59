"""Scheduled retraining: fine-tune on everything that was accepted, gate, and promote what is better."""

from dataclasses import dataclass
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from campaigns.decisions import held_out
from campaigns.ledger import ExperimentRecord, Ledger, ModelUse, State, has_ledger
from flows.opening import open_ledger
from flows.seeds import derive
from models.errors import UnusableInput
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
    steps: int = 200,
    replay: float = 0.5,
    hold_out_every: int = 4,
    min_improvement: float = 0.0,
    seed: int = 0,
) -> Retraining:
    """Fine-tune the current generator on all accepted experiments of one kind of lab; promote it if better.

    Every ``hold_out_every``-th experiment of a campaign is kept for judging. Simulated experiments never
    teach the version that a real lab uses unless ``simulated`` asks for them.
    Errors: :class:`UnusableInput` when there is no ledger, no generator or nothing that it could learn from.
    """
    home = state_directory()
    if not has_ledger(home, simulated=simulated):
        kind = "simulated" if simulated else "real"
        raise UnusableInput(f"There is no ledger of a {kind} lab in {home}; run a campaign first.")
    with open_ledger(home, simulated=simulated) as ledger:
        experiments = accepted(ledger)
        return fine_tune_on(ledger, experiments, home, steps, replay, hold_out_every, min_improvement, seed)


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
    if outcome.promoted:
        registry.promote(outcome.version, home)
    verdict = "promoted" if outcome.promoted else "refused"
    # A campaign stays on its own line of versions: this is noted as a fine-tuning, not as its promotion.
    use = ModelUse(
        version=outcome.version,
        action="fine_tuned",
        parent=generator.version,
        metrics=outcome.metrics,
        reason=f"retraining, {verdict}: {outcome.reason}",
        experiment_id=trained[-1].id,
    )
    ledger.record_model_use(trained[-1].campaign_id, use)
    version = outcome.version if outcome.promoted else generator.version
    return Retraining(version, outcome.promoted, outcome.reason, len(trained))
