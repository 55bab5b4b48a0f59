"""What people did that no campaign's history tells: sign-ins, stops, changes of people; chained."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session, col, select

from campaigns.ledger.audit import AuditEntry, AuditFilter, ChainCheck, follow
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

    def audit(self, wanted: AuditFilter | None = None) -> tuple[AuditEntry, ...]:
        """The acts that are wanted, the newest first."""
        wanted = wanted or AuditFilter()
        query = select(EventRow).order_by(col(EventRow.id).desc()).limit(wanted.most)
        if wanted.who:
            query = query.where(EventRow.author == wanted.who)
        if wanted.what:
            query = query.where(EventRow.act == wanted.what)
        if wanted.about:
            query = query.where(col(EventRow.subject).startswith(wanted.about, autoescape=True))
        if wanted.since:
            query = query.where(EventRow.at >= wanted.since)
        if wanted.until:
            query = query.where(EventRow.at < wanted.until)
        with self._read() as session:
            return tuple(_entry(row) for row in session.exec(query))

    def verify_chain(self, noted: str = "") -> ChainCheck:
        """Whether every event is as it was written and none is missing; ``noted`` is a head noted outside."""
        with self._read() as session:
            head = session.get_one(HeadRow, 1)
            rows = session.exec(select(EventRow).order_by(col(EventRow.id)).execution_options(yield_per=1000))
            told = ((row.id or 0, row.model_dump(include=set(CONTENT)), row.hash) for row in rows)
            return follow("people", told, head.rows, head.hash, noted)


def _entry(row: EventRow) -> AuditEntry:
    return AuditEntry(
        store="people",
        id=row.id or 0,
        at=row.at,
        author=row.author,
        what=row.act,
        subject=row.subject,
        reason=row.reason,
        address=row.address,
        facts=row.facts,
        hash=row.hash,
    )


def _append(session: Session, row: EventRow) -> None:
    head = session.get_one(HeadRow, 1, with_for_update=True, populate_existing=True)
    row.hash = link(head.hash, row.model_dump(include=set(CONTENT)))
    head.rows, head.hash = head.rows + 1, row.hash
    session.add(row)
    session.flush()
