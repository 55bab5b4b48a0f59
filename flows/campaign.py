"""The campaign: suggest → approve → synthesise → image → quantify → representative? → compare → learn.

A run of this flow is a worker over the ledger. Each step acts only where the ledger says that it is due, so
a run that was killed anywhere is followed by the same command, which goes on where the ledger stands.
"""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from campaigns.ledger import CampaignState, CampaignStatus, ExperimentRecord, State
from flows.deployments.artifacts import show_iterations, show_report
from flows.deployments.decision import take_decision, wait_for_decision
from flows.deployments.this_run import bind, bound_campaign, tagged
from flows.opening import at_hand, employed, ended, read_campaign
from flows.reporting import write_report
from flows.sharing import NotNow, reactor
from flows.side_by_side import side_by_side
from flows.steps.approve import approve
from flows.steps.image import image
from flows.steps.judge import judge
from flows.steps.learn import learn
from flows.steps.look_again import look_again
from flows.steps.quantify import quantify
from flows.steps.reconcile import reconcile
from flows.steps.stop import goes_on
from flows.steps.suggest import suggest
from flows.steps.synthesise import dispatch, synthesise
from flows.worker import Worker
from models.home import state_directory

# The form in Prefect's UI is made of these and of the docstring; what is typed there is checked against them.
Seed = Annotated[int | None, Field(ge=0, lt=2**31)]
Experiments = Annotated[int | None, Field(ge=1, le=10_000)]
Speed = Annotated[float | None, Field(gt=0)]


@flow(name="campaign", retries=0, persist_result=False)
def campaign(
    campaign_file: Path,
    seed: Seed = None,
    iterations: Experiments = None,
    fresh: bool = False,
    out: Path | None = None,
    faults: Path | None = None,
    real_time_factor: Speed = None,
) -> CampaignStatus:
    """Run a campaign until it converges, spends its budget, stalls, is ended, or waits for a person.

    An unfinished campaign of the same file and seed is gone on with; of a finished one the result is returned
    as it is, unless it is to be fresh. A deployed run is bound to its campaign for good, suspends itself
    while a person has to decide, and shows what it does in Prefect.

    Args:
        campaign_file: campaign file (YAML) on the machine of the worker.
        seed: in place of the file's seed.
        iterations: most experiments, in place of the file's budget.
        fresh: start again where the same campaign is finished already.
        out: folder for the report, in place of the state directory's.
        faults: scenario (YAML) of what goes wrong in a simulated lab.
        real_time_factor: seconds of a simulated lab that pass in a real one; empty: its time jumps.

    Errors: :class:`models.errors.UnusableInput`, :class:`devices.errors.LabError`.
    """
    home = state_directory()
    bound = bound_campaign()
    asked = read_campaign(campaign_file, seed, iterations, faults) if bound is None else None
    with at_hand(home, asked, bound, fresh=fresh) as (ledger, specification, record):
        bind(record, specification.lab.stem)
        if ended(record):
            return write_report(ledger, record.id, home, out, only_missing=True)
        if bound is None or take_decision(ledger, bound) or record.status is CampaignState.RUNNING:
            given_again = bound is None
            with employed(
                specification, record, ledger, home, faults, real_time_factor, given_again=given_again
            ) as worker:

                def work() -> None:
                    look_again(worker)
                    while goes_on(worker):
                        iterate(worker)
                        look_again(worker)
                        show_iterations(ledger, record.id)

                side_by_side(worker, work)
        status = write_report(ledger, record.id, home, out)
        show_report(status)
        wait_for_decision(ledger, record.id)
        return status


def iterate(worker: Worker) -> None:
    """One experiment, from its proposal to what was learnt, or as far as it comes without a person."""
    experiment = suggest(worker)
    with tagged(experiment.id), worker.driving(experiment):
        experiment = reconcile(worker, experiment)
        experiment = approve(worker, experiment)
        with suppress(NotNow), reactor(worker, experiment):
            experiment = dispatch(worker, experiment)
            experiment = synthesise(worker, experiment)
        experiment = image(worker, experiment)
        while looking(worker, experiment):
            experiment = quantify(worker, experiment)
            experiment = judge(worker, experiment)
        learn(worker, experiment)


def looking(worker: Worker, experiment: ExperimentRecord) -> bool:
    """Whether fields of view are still being taken and measured."""
    return experiment.state in (State.IMAGED, State.QUANTIFIED) and worker.on(experiment)
