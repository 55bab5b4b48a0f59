"""Two workers over one ledger, their steps interleaved at random: it stays right, whoever is late."""

import itertools
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.ledger import (
    LEGAL,
    ApprovalInvalid,
    ExperimentRecord,
    IllegalTransition,
    LeaseHeld,
    LeaseLost,
    Ledger,
    StaleTransition,
    State,
)

LIMITS = {"pH": (9.0, 11.0)}
COUNT = itertools.count(1)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """Two connections to one database, as two processes would have."""
    if request.param == "sqlite":
        location: Path | str = tmp_path_factory.mktemp("two") / "lab.db"
        shutil.copy(request.getfixturevalue("migrated"), location)
    else:
        server = request.getfixturevalue("postgresql")
        location = server.url(server.database(request.getfixturevalue("migrated_postgresql")))
    with Ledger.open(location, simulated=True) as one, Ledger.open(location, simulated=True) as two:
        one.start_campaign(
            name="two", seed=0, specification="", digest="", lab="", targets=(), units={}, author="w"
        )
        yield one, two


class Worker:
    """Acts on what it read last, however old that is."""

    def __init__(self, ledger: Ledger, name: str, experiment: ExperimentRecord) -> None:
        self.ledger, self.name, self.seen = ledger, name, experiment

    def look(self) -> None:
        self.seen = self.ledger.experiment(self.seen.id)

    def move(self, choice: int) -> str | None:
        """Try one move from the state seen; what it was moved to, or None when somebody was faster."""
        following = sorted(LEGAL[self.seen.state])
        if not following:
            return None
        new, old, known = State(following[choice % len(following)]), self.seen.state, self.seen.id
        try:
            if new is State.APPROVED:
                self.ledger.approve(known, author=self.name, role="operator", limits=LIMITS, expires_h=1)
            elif old is State.APPROVED and new is State.DISPATCHING:
                self.ledger.mint_dispatch_key(known, limits=LIMITS, author=self.name)
            else:
                self.ledger.transition(known, old, new, author=self.name)
        except StaleTransition:
            return None
        return new


STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["look", "move", "move"]), st.integers(0, 4)),
    min_size=4,
    max_size=16,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_histories_stay_legal_and_every_move_is_made_once(shared, steps):
    one, _ = shared
    campaign = one.campaigns()[0]
    made = one.propose(
        campaign.id, index=next(COUNT), conditions={"pH": 10}, units={}, model_version="", author="w"
    )
    workers = [Worker(ledger, f"worker {index}", made) for index, ledger in enumerate(shared)]
    won: list[str] = []
    keys: set[str | None] = set()
    for who, action, choice in steps:
        if action == "look":
            workers[who].look()
        elif (new := workers[who].move(choice)) is not None:
            won.append(new)
        keys.add(one.experiment(made.id).dispatch_key)
    history = one.history(campaign.id, made.id)
    assert [move.to_state for move in history] == ["proposed", *won]
    assert all(State(b.to_state) in LEGAL[State(a.to_state)] for a, b in itertools.pairwise(history))
    assert [move.revision for move in history] == list(range(len(history)))
    end = one.experiment(made.id)
    assert (end.state, end.revision) == (history[-1].to_state, len(won))
    assert len(keys - {None}) <= 1
    minted = [move for move in history if move.from_state == "approved" and move.to_state == "dispatching"]
    assert len(minted) == (end.dispatch_key is not None)
    approvals = one.approvals(made.id)
    assert sum(approval.decision == "approved" for approval in approvals) == won.count("approved")


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["take", "move", "give"])), max_size=12))
def test_only_the_holder_of_the_lease_moves_anything(shared, steps):
    one, _ = shared
    campaign = one.campaigns()[0]
    made = one.propose(
        campaign.id, index=next(COUNT), conditions={"pH": 10}, units={}, model_version="", author="w"
    )
    leases = [None, None]
    holder: int | None = None
    for who, action in steps:
        ledger = shared[who]
        if action == "take":
            try:
                leases[who] = ledger.acquire_lease(campaign.id, f"worker {who}")
            except LeaseHeld:
                assert holder not in (None, who)
            else:
                assert holder in (None, who)
                holder = who
        elif action == "give" and leases[who] is not None:
            ledger.release_lease(leases[who])
            holder = None if holder == who else holder
        elif action == "move" and leases[who] is not None:
            state = ledger.experiment(made.id).state
            try:
                if state is State.PROPOSED:
                    ledger.approve(
                        made.id, author="p", role="policy", limits=LIMITS, expires_h=1, lease=leases[who]
                    )
                else:
                    ledger.transition(made.id, "approved", "proposed", author="p", lease=leases[who])
            except LeaseLost:
                assert holder != who
            else:
                assert holder == who
    for lease in leases:
        if lease is not None:
            one.release_lease(lease)


def test_errors_of_the_ledger_are_told_to_people():
    for kind in (ApprovalInvalid, IllegalTransition, LeaseHeld, LeaseLost, StaleTransition):
        assert issubclass(kind, ValueError)
