"""Why somebody is not let in, or may not do something."""

from campaigns.ledger.errors import LedgerError, NotFound


class SignInRefused(LedgerError):  # noqa: N818
    """The name, password, token or session is not good; which of them, is not told."""


class TooManyAttempts(SignInRefused):
    """So many wrong sign-ins that no other is looked at for ``retry_s`` seconds."""

    def __init__(self, retry_s: int) -> None:
        super().__init__(
            f"There were too many wrong sign-ins; try again in {-(-retry_s // 60)} minutes, or have an "
            "administrator look at the audit."
        )
        self.retry_s = retry_s


class NotAllowed(LedgerError):  # noqa: N818
    """The person's role does not allow it."""


class NoSuchPerson(NotFound):
    """There is nobody of that name."""
