"""Learn: the measurement joins the data; where the policy says so, the generator is fine-tuned and gated."""

from campaigns.decisions import fine_tune_due, held_out
from campaigns.ledger import ExperimentRecord, ModelUse, State
from flows.prediction import imagination
from flows.step import step
from flows.worker import Worker


@step("learn", State.ACCEPTED)
def learn(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
    """Fine-tune when it is due, and note what came of it; the residual model reads the ledger itself."""
    policy = worker.campaign.learning.fine_tune
    accepted = worker.accepted()
    if policy is None or not fine_tune_due(len(accepted), policy.every):
        worker.tell("learn", "the residual model takes the measurement in", experiment)
        return worker.move(experiment, State.LEARNED, "the measurement corrects the next predictions")
    # Brings in torch, which a campaign without a generator does without.
    from flows.learning import MeasuredExperiment, fine_tune_and_gate, measured_experiment

    kept: list[MeasuredExperiment] = []
    trained: list[MeasuredExperiment] = []
    for number, one in enumerate(accepted, start=1):
        apart = held_out(number, policy.hold_out_every)
        (kept if apart else trained).append(measured_experiment(worker.ledger, one))
    imagined = imagination(worker)
    generator = imagined.generator if imagined is not None else None
    if generator is None or not trained or not (kept or generator.record.held_out):
        # Without held-out conditions no candidate could ever be judged.
        return worker.move(experiment, State.LEARNED, "nothing to fine-tune and judge by yet")
    what = f"fine-tuning {generator.version} on {len(trained)} experiment{'s' if len(trained) > 1 else ''}"
    worker.tell("learn", what, experiment)
    outcome = fine_tune_and_gate(
        generator,
        trained,
        kept,
        steps=policy.steps,
        replay=policy.replay,
        min_improvement=worker.campaign.learning.gate.min_improvement,
        seed=worker.seed(experiment, "fine-tune"),
        # The lab's clock: the same campaign makes the same version, byte for byte.
        created=experiment.lab_finished_at,
        home=worker.home,
        progress=lambda done, steps: worker.tell("learn", what, experiment, done, steps),
    )
    if outcome is None:
        return worker.move(
            experiment, State.LEARNED, "no field of view is as large as a tile of the generator"
        )
    worker.tell("learn", outcome.reason, experiment)
    action = "promoted" if outcome.promoted else "refused"
    with worker.ledger.together():
        for happened in ("fine_tuned", action):
            use = ModelUse(
                outcome.version, happened, generator.version, outcome.metrics, outcome.reason, experiment.id
            )
            worker.ledger.record_model_use(worker.campaign_id, use)
        return worker.move(experiment, State.LEARNED, f"{outcome.version} {action}: {outcome.reason}")
