"""Passwords: how they are kept (argon2id), and which are refused."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from models.errors import UnusableInput

SHORTEST, LONGEST = 12, 512
"""Characters of a password."""

# RFC 9106's second recommended option: 64 MiB and three passes, about 0.1 s.
_hasher = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
_few = threading.BoundedSemaphore(2)
"""Each hash takes 64 MiB: a crowd at the door must not take all memory."""

_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c4aA+i2cukXJ7EPXKtb6Lg$y30wUbwFfp8UWyILAV6YQIju/c7d5wBBrFxFSsqlcNI"
"""Looked at in place of somebody who is not there, so that the answer takes as long."""


def check_new(password: str, name: str) -> None:
    """Errors: :class:`UnusableInput` for a password that is too short, too long, or the name."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UnusableInput(
            f"The password has {len(password)} characters; choose one of {SHORTEST} to {LONGEST} (a few "
            "words are easier to remember than signs)."
        )
    if password.casefold() == name.casefold() or len(set(password)) < 4:
        raise UnusableInput("The password is the name, or a few characters again and again; choose another.")


def hashed(password: str) -> str:
    """The argon2id hash of a password, with its salt and cost."""
    with _few:
        return _hasher.hash(password)


def matches(password: str, kept: str | None) -> bool:
    """Whether a password is the one that was hashed; takes as long when nothing was."""
    with _few:
        try:
            return _hasher.verify(kept or _NOBODY, password[: LONGEST + 1]) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Whether a hash was made at another cost than today's."""
    return _hasher.check_needs_rehash(kept)
