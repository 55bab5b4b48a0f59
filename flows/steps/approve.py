"""Approve: by the campaign's policy where that is enough, else a person has to."""

from campaigns.ledger import ExperimentRecord, State
from flows.step import step
from flows.worker import AUTHOR, Worker


@step("approve", State.PROPOSED)
def approve(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
    """Approve by policy, or have the campaign wait for a person's approval."""
    policy = worker.campaign.approval
    worker.laboratory.check(experiment.conditions, experiment.units)
    # What a person put in place of a proposal is for a person to see, with its prediction, too.
    if experiment.edited_from or policy.required(experiment.index, experiment.manifold_distance):
        worker.wait(
            f"Experiment {experiment.index} waits for an approval: see `morpholoop approvals show`, "
            "approve or reject it, and give the same command again.",
            experiment,
        )
        worker.tell("approve", "waits for a person", experiment)
        return experiment
    worker.tell("approve", f"by policy ({policy.policy})", experiment)
    worker.ledger.approve(
        experiment.id,
        author=AUTHOR,
        role="policy",
        limits=worker.laboratory.limits,
        expires_h=policy.expires_h,
        reason=f"approval policy: {policy.policy}",
        lease=worker.lease,
    )
    return worker.ledger.experiment(experiment.id)
