"""What the ledger refuses to do."""

from models.errors import UnusableInput


class LedgerError(UnusableInput):
    """Base of the ledger's refusals; nothing was changed."""


class NotFound(LedgerError):
    """There is no such campaign or experiment."""


class IllegalTransition(LedgerError):
    """The state machine has no such move."""


class StaleTransition(LedgerError):
    """The row is no longer in the state it was read in: somebody else moved it first. Read it again."""


class ApprovalInvalid(LedgerError):
    """There is no approval, it has expired, or what was approved is not what would be dispatched."""


class LeaseHeld(LedgerError):
    """Another worker drives this campaign."""


class LeaseLost(LedgerError):
    """This worker's lease ran out and was taken, or was released: it must stop driving the campaign."""
