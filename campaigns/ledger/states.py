"""States of experiments and campaigns, and the moves between them that are legal."""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where an experiment is."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    DISPATCHING = "dispatching"
    SYNTHESISED = "synthesised"
    IMAGED = "imaged"
    QUANTIFIED = "quantified"
    ACCEPTED = "accepted"
    LEARNED = "learned"
    REJECTED = "rejected"
    ABORTED = "aborted"
    FAILED = "failed"
    UNKNOWN = "unknown"


_ENDS = frozenset({State.ABORTED, State.FAILED})

LEGAL: Mapping[State, frozenset[State]] = {
    # An approval can expire or its grounds can change: then the experiment is proposed anew.
    State.PROPOSED: frozenset({State.APPROVED, State.REJECTED, State.ABORTED}),
    State.APPROVED: frozenset({State.DISPATCHING, State.PROPOSED, State.REJECTED, State.ABORTED}),
    State.DISPATCHING: frozenset({State.SYNTHESISED, State.UNKNOWN}) | _ENDS,
    # Only a person leads out of unknown; back to dispatching means under the same key.
    State.UNKNOWN: frozenset({State.DISPATCHING, State.SYNTHESISED}) | _ENDS,
    State.SYNTHESISED: frozenset({State.IMAGED}) | _ENDS,
    State.IMAGED: frozenset({State.QUANTIFIED}) | _ENDS,
    # Back to imaged: more fields of view were taken.
    State.QUANTIFIED: frozenset({State.ACCEPTED, State.IMAGED, State.REJECTED}) | _ENDS,
    State.ACCEPTED: frozenset({State.LEARNED}) | _ENDS,
    State.LEARNED: frozenset(),
    State.REJECTED: frozenset(),
    State.ABORTED: frozenset(),
    State.FAILED: frozenset(),
}
"""The states that may follow each state."""

FINAL_STATES = frozenset(state for state, following in LEGAL.items() if not following)
"""States in which an experiment stays."""


class CampaignState(StrEnum):
    """Where a campaign is; ``waiting`` means for a person (an approval, a resume, a decision)."""

    RUNNING = "running"
    WAITING = "waiting"
    CONVERGED = "converged"
    BUDGET_SPENT = "budget_spent"
    STALLED = "stalled"
    ABORTED = "aborted"


FINAL_STATUSES = frozenset(CampaignState) - {CampaignState.RUNNING, CampaignState.WAITING}
"""Statuses in which a campaign stays."""

LEGAL_STATUS: Mapping[CampaignState, frozenset[CampaignState]] = {
    CampaignState.RUNNING: frozenset(CampaignState) - {CampaignState.RUNNING},
    CampaignState.WAITING: frozenset({CampaignState.RUNNING, CampaignState.ABORTED}),
    **{status: frozenset() for status in FINAL_STATUSES},
}
"""The statuses that may follow each status of a campaign."""
