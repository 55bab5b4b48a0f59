import threading

import pytest

from campaigns.ledger import (
    FINAL_STATES,
    LEGAL,
    IllegalTransition,
    Ledger,
    LedgerError,
    NotFound,
    StaleTransition,
    State,
)

LIMITS = {"pH": (9.0, 11.0), "gas": ("N2", "O2")}


def dispatched(ledger, experiment):
    ledger.approve(experiment.id, author="kim", role="operator", limits=LIMITS, expires_h=1)
    return ledger.mint_dispatch_key(experiment.id, limits=LIMITS, author="worker")


def test_an_experiment_goes_all_the_way_and_leaves_a_history(ledger, campaign, proposed):
    key = dispatched(ledger, proposed).dispatch_key
    path = ["synthesised", "imaged", "quantified", "imaged", "quantified", "accepted", "learned"]
    state = "dispatching"
    for following in path:
        ledger.transition(
            proposed.id, state, following, author="worker", fields=4, reactor_starts=1, note="x"
        )
        state = following
    end = ledger.experiment(proposed.id)
    assert (end.state, end.dispatch_key, end.fields, end.reactor_starts) == (State.LEARNED, key, 4, 1)
    history = ledger.history(campaign.id, proposed.id)
    assert [move.to_state for move in history] == ["proposed", "approved", "dispatching", *path]
    assert [move.revision for move in history] == list(range(len(history)))
    assert [move.from_state for move in history[1:]] == [move.to_state for move in history[:-1]]
    assert history[-1].facts == {"fields": 4, "reactor_starts": 1, "note": "x"}
    assert all(move.simulated and move.at.endswith("+00:00") for move in history)


def test_illegal_moves_are_refused_and_change_nothing(ledger, campaign, proposed):
    for new in set(State) - LEGAL[State.PROPOSED] | {State.APPROVED}:
        with pytest.raises(IllegalTransition, match="become"):
            ledger.transition(proposed.id, "proposed", new, author="worker")
    assert ledger.experiment(proposed.id) == proposed
    assert len(ledger.history(campaign.id, proposed.id)) == 1


def test_dispatching_takes_an_approval_and_a_key(ledger, proposed):
    ledger.approve(proposed.id, author="kim", role="operator", limits=LIMITS, expires_h=1)
    with pytest.raises(IllegalTransition, match="through an approval"):
        ledger.transition(proposed.id, "approved", "dispatching", author="worker")


def test_a_stale_worker_is_told_where_the_experiment_is(ledger, proposed):
    dispatched(ledger, proposed)
    with pytest.raises(StaleTransition, match=r"is dispatching .* no longer proposed"):
        ledger.transition(proposed.id, "proposed", "rejected", author="late")


def test_a_revision_tells_two_visits_to_a_state_apart(ledger, proposed):
    experiment = dispatched(ledger, proposed)
    ledger.transition(proposed.id, "dispatching", "synthesised", author="w")
    first = ledger.transition(proposed.id, "synthesised", "imaged", author="w")
    ledger.transition(proposed.id, "imaged", "quantified", author="w")
    ledger.transition(proposed.id, "quantified", "imaged", author="w")
    with pytest.raises(StaleTransition, match=f"at revision {first.revision}"):
        ledger.transition(proposed.id, "imaged", "quantified", author="late", revision=first.revision)
    assert ledger.experiment(proposed.id).revision == experiment.revision + 4


def test_an_index_is_used_once(ledger, campaign, proposed):
    with pytest.raises(LedgerError, match="an experiment 1 already"):
        ledger.propose(campaign.id, index=1, conditions={}, units={}, model_version="", author="w")
    assert ledger.experiments(campaign.id) == (proposed,)


def test_what_is_not_there_is_named(ledger, campaign):
    with pytest.raises(NotFound, match="no experiment nothing"):
        ledger.transition("nothing", "proposed", "rejected", author="w")
    with pytest.raises(NotFound, match=f"no campaign none .*{campaign.id}"):
        ledger.propose("none", index=1, conditions={}, units={}, model_version="", author="w")


def test_final_states_lead_nowhere():
    assert {State.LEARNED, State.REJECTED, State.ABORTED, State.FAILED} == FINAL_STATES
    assert all(LEGAL[state] <= set(State) for state in State)


def test_a_transaction_is_kept_whole_or_not_at_all(ledger, proposed):
    def interrupted() -> None:
        with ledger.together():
            dispatched(ledger, proposed)
            assert ledger.experiment(proposed.id).state is State.DISPATCHING
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        interrupted()
    assert ledger.experiment(proposed.id) == proposed
    assert ledger.approvals(proposed.id) == ()


def test_simulated_keys_repeat_and_real_ones_never_do(ledger, proposed, tmp_path):
    def key_of(other: Ledger) -> str:
        campaign = other.start_campaign(
            name="simple", seed=0, specification="", digest="d", lab="x", targets=(), units={}, author="w"
        )
        made = other.propose(
            campaign.id,
            index=1,
            conditions=proposed.conditions,
            units=proposed.units,
            model_version="",
            author="w",
        )
        return dispatched(other, made).dispatch_key or ""

    mine = dispatched(ledger, proposed).dispatch_key
    with Ledger.open(tmp_path / "a.db", simulated=True) as again:
        assert key_of(again) == mine
    with (
        Ledger.open(tmp_path / "b.db", simulated=False) as one,
        Ledger.open(tmp_path / "c.db", simulated=False) as two,
    ):
        keys = {key_of(one), key_of(two)}
    assert len(keys) == 2
    assert all(key.startswith(f"{proposed.id}-") for key in keys)


def test_of_many_threads_one_mints_the_key(ledger, proposed):
    ledger.approve(proposed.id, author="kim", role="operator", limits=LIMITS, expires_h=1)
    start, keys, late = threading.Barrier(6), [], []

    def race() -> None:
        start.wait()
        try:
            keys.append(ledger.mint_dispatch_key(proposed.id, limits=LIMITS, author="w").dispatch_key)
        except StaleTransition as failure:
            late.append(failure)

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(keys), len(late)) == (1, 5)
    assert ledger.experiment(proposed.id).dispatch_key == keys[0]
