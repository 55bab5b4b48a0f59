"""What the ledger refuses to do."""

from models.errors import UnusableInput


class LedgerError(UnusableInput):
    """Base of the ledger's refusals; nothing was changed."""


class NotFound(LedgerError):  # noqa: N818
    """There is no such campaign or experiment."""


class IllegalTransition(LedgerError):  # noqa: N818
    """The state machine has no such move."""


class StaleTransition(LedgerError):  # noqa: N818
    """The row is no longer in the state it was read in: somebody else moved it first. Read it again."""


class ApprovalInvalid(LedgerError):  # noqa: N818
    """There is no approval, it has expired, or what was approved is not what would be dispatched."""


class LeaseHeld(LedgerError):  # noqa: N818
    """Another worker drives this campaign."""


class LeaseLost(LedgerError):  # noqa: N818
    """This worker's lease ran out and was taken, or was released: it must stop driving the campaign."""
