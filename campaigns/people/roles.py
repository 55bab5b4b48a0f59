"""Roles, and what each may do; everybody who is signed in may stop a lab."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from campaigns.people.errors import NotAllowed


class Role(StrEnum):
    """What somebody is in this lab."""

    VIEWER = "viewer"
    SCIENTIST = "scientist"
    OPERATOR = "operator"
    ADMIN = "admin"


class Act(StrEnum):
    """What somebody may be allowed to do; the value completes "may …"."""

    READ = "see campaigns, proposals, micrographs, models and labs"
    STOP = "stop a lab"
    AUDIT = "read the audit"
    EXPLORE = "predict and quantify"
    DECIDE = "approve, reject and edit proposals"
    CLEAR = "clear a stopped lab"
    CONFIRM = "answer tasks that a lab asks of a person"
    REJECT_FIELD = "reject fields of view"
    RUN = "start, pause, resume and abort campaigns"
    PROMOTE = "promote models and roll them back"
    PEOPLE = "manage people"


_VIEWER = frozenset({Act.READ, Act.STOP})
_BENCH = _VIEWER | {Act.AUDIT, Act.EXPLORE}

MAY: Mapping[Role, frozenset[Act]] = {
    Role.VIEWER: _VIEWER,
    Role.SCIENTIST: _BENCH | {Act.RUN, Act.PROMOTE},
    Role.OPERATOR: _BENCH | {Act.DECIDE, Act.CLEAR, Act.CONFIRM, Act.REJECT_FIELD},
    Role.ADMIN: frozenset(Act),
}
"""What each role may do."""


@dataclass(frozen=True)
class Person:
    """Somebody whom we know, and by what: ``password``, ``token``, ``session`` or ``proxy``."""

    name: str
    role: Role
    via: str

    def may(self, act: Act) -> bool:
        """Whether this person may do that."""
        return act in MAY[self.role]

    def require(self, act: Act) -> None:
        """Errors: :class:`NotAllowed` unless this person may do that."""
        if not self.may(act):
            able = ", ".join(role for role in Role if act in MAY[role])
            raise NotAllowed(f"{self.name} is a {self.role} and may not {act.value}; it takes: {able}.")

    @property
    def facts(self) -> dict[str, object]:
        """What histories keep beside the name."""
        return {"role": str(self.role), "via": self.via}
