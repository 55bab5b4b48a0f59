"""What people did that no campaign's history tells: sign-ins, stops, changes of people; chained."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session

from campaigns.ledger.chain import link
from campaigns.ledger.store import Store
from campaigns.people.tables import EventRow, HeadRow

CONTENT = ("at", "author", "act", "subject", "address", "reason", "facts")


@dataclass(frozen=True)
class Event:
    """One act of a person: on what (``subject``), from which ``address``, and why."""

    id: int
    at: str
    author: str
    act: str
    subject: str
    address: str
    reason: str
    facts: Mapping[str, object]
    hash: str


class Events(Store):
    """Taking note of acts."""

    def note(
        self,
        act: str,
        *,
        author: str,
        subject: str = "",
        address: str = "",
        reason: str = "",
        facts: Mapping[str, object] | None = None,
    ) -> Event:
        """Take note of an act, for good."""
        with self._write() as session:
            row = EventRow(
                at=self._at(),
                author=author,
                act=act,
                subject=subject,
                address=address,
                reason=reason,
                facts=dict(facts or {}),
                hash="",
            )
            _append(session, row)
            return Event(**row.model_dump())


def _append(session: Session, row: EventRow) -> None:
    head = session.get_one(HeadRow, 1, with_for_update=True, populate_existing=True)
    row.hash = link(head.hash, row.model_dump(include=set(CONTENT)))
    head.rows, head.hash = head.rows + 1, row.hash
    session.add(row)
    session.flush()
