"""The campaign: suggest → approve → synthesise → image → quantify → representative? → compare → learn.

A run of this flow is a worker over the ledger. Each step acts only where the ledger says that it is due, so
a run that was killed anywhere is followed by the same command, which goes on where the ledger stands.
"""

from pathlib import Path

from prefect import flow

from campaigns.ledger import CampaignStatus, ExperimentRecord, State
from flows.opening import employed, ended, find_or_start, open_ledger, read_campaign, simulated_lab
from flows.reporting import write_report
from flows.steps.approve import approve
from flows.steps.image import image
from flows.steps.judge import judge
from flows.steps.learn import learn
from flows.steps.quantify import quantify
from flows.steps.reconcile import reconcile
from flows.steps.stop import goes_on
from flows.steps.suggest import suggest
from flows.steps.synthesise import dispatch, synthesise
from flows.worker import Worker
from models.home import state_directory


@flow(name="campaign", retries=0, persist_result=False)
def campaign(
    campaign_file: Path,
    seed: int | None = None,
    iterations: int | None = None,
    fresh: bool = False,
    out: Path | None = None,
    faults: Path | None = None,
    real_time_factor: float | None = None,
) -> CampaignStatus:
    """Run a campaign until it converges, spends its budget, stalls, is ended, or waits for a person.

    ``seed`` and ``iterations`` (experiments) replace those of the file. An unfinished campaign of the same
    file and seed is gone on with; of a finished one the result is returned as it is, unless ``fresh``.
    ``out`` is a folder for the report, ``faults`` a scenario of what goes wrong in the simulated lab,
    ``real_time_factor`` how many of its seconds pass in a real one (None: its time jumps).
    Errors: :class:`models.errors.UnusableInput`, :class:`devices.errors.LabError`.
    """
    specification = read_campaign(campaign_file, seed, iterations, faults)
    home = state_directory()
    with open_ledger(home, simulated=simulated_lab(specification)) as ledger:
        record = find_or_start(ledger, specification, fresh=fresh)
        if ended(record):
            return write_report(ledger, record.id, home, out, only_missing=True)
        with employed(specification, record, ledger, home, faults, real_time_factor) as worker:
            while goes_on(worker):
                experiment = suggest(worker)
                experiment = reconcile(worker, experiment)
                experiment = approve(worker, experiment)
                experiment = dispatch(worker, experiment)
                experiment = synthesise(worker, experiment)
                experiment = image(worker, experiment)
                while looking(worker, experiment):
                    experiment = quantify(worker, experiment)
                    experiment = judge(worker, experiment)
                learn(worker, experiment)
        return write_report(ledger, record.id, home, out)


def looking(worker: Worker, experiment: ExperimentRecord) -> bool:
    """Whether fields of view are still being taken and measured."""
    return experiment.state in (State.IMAGED, State.QUANTIFIED) and worker.running
