from campaigns.ledger import Ledger, Measurement, ledger_path
from models.values import Interval


def test_the_stamp_changes_with_every_write_and_only_then(home, campaign_id):
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        (experiment,) = ledger.experiments(campaign_id)
        before = ledger.stamp()
        assert ledger.stamp() == before
        ledger.approve(experiment.id, author="ann", role="operator", limits={}, expires_h=1.0)
        approved = ledger.stamp()
        assert approved != before
        again = Measurement("phase_fraction", "", Interval(0.4, 0.3, 0.5, 0.95, 8, 8), look=2)
        ledger.record_measurements(experiment.id, [again])
        assert ledger.stamp() != approved


def test_a_status_shows_the_latest_look_alone(home, campaign_id):
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        (experiment,) = ledger.experiments(campaign_id)
        again = Measurement("phase_fraction", "", Interval(0.4, 0.3, 0.5, 0.95, 8, 8), look=2)
        ledger.record_measurements(experiment.id, [again])
        (iteration,) = ledger.status(campaign_id).iterations
    assert iteration.measured["phase_fraction"].ci == (0.3, 0.5)
