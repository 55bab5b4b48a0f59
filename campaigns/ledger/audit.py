"""The audit: who did what when, out of the history, and whether the history is untouched."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sql
from sqlmodel import Session, col, or_, select

from campaigns.ledger.approvals import approval_digest
from campaigns.ledger.chain import CONTENT, link
from campaigns.ledger.edits import Edits
from campaigns.ledger.tables import ApprovalRow, HistoryRow, StoreRow

Place = Literal["real", "simulated", "people"]
"""The three stores that have an audit."""


@dataclass(frozen=True)
class AuditEntry:
    """One act or move: ``what`` became of or was done to ``subject``, by ``author``, ``at`` (ISO, UTC)."""

    store: Place
    id: int
    at: str
    author: str
    what: str
    subject: str
    reason: str
    address: str
    facts: Mapping[str, object]
    hash: str


@dataclass(frozen=True)
class AuditFilter:
    """Which entries: all that is given has to fit; ``who`` and ``what`` whole, ``about`` from its beginning.

    ``since`` (included) and ``until`` (not) are ISO 8601 in UTC.
    """

    who: str = ""
    what: str = ""
    about: str = ""
    since: str = ""
    until: str = ""
    most: int = 100


@dataclass(frozen=True)
class ChainCheck:
    """Whether one store's chain holds: how long it is, its newest hash, and what is wrong first, if anything.

    ``broken`` is the id of the first row that does not fit (None: none, or the end is missing).
    """

    store: Place
    rows: int
    head: str
    broken: int | None = None
    fault: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.fault


class Audit(Edits):
    """Reading and verifying the history of all campaigns of a store."""

    @property
    def place(self) -> Place:
        """Which store this is."""
        return "simulated" if self.simulated else "real"

    def audit(self, wanted: AuditFilter | None = None) -> tuple[AuditEntry, ...]:
        """The entries that are wanted, the newest first."""
        wanted = wanted or AuditFilter()
        query = select(HistoryRow).order_by(col(HistoryRow.id).desc()).limit(wanted.most)
        if wanted.who:
            query = query.where(HistoryRow.author == wanted.who)
        if wanted.what:
            query = query.where(HistoryRow.to_state == wanted.what)
        if wanted.about:
            query = query.where(
                or_(
                    col(HistoryRow.campaign_id).startswith(wanted.about, autoescape=True),
                    col(HistoryRow.experiment_id).startswith(wanted.about, autoescape=True),
                )
            )
        if wanted.since:
            query = query.where(HistoryRow.at >= wanted.since)
        if wanted.until:
            query = query.where(HistoryRow.at < wanted.until)
        with self._read() as session:
            return tuple(self._entry(row) for row in session.exec(query))

    def verify_chain(self, noted: str = "") -> ChainCheck:
        """Whether every row is as it was written, none is missing, and decisions are as the history says.

        ``noted`` is a head that was noted earlier, outside; it has to be in the chain still: who can write to
        the database can also make a whole new chain.
        """
        digests: dict[str, int] = {}

        def told() -> Iterator[tuple[int, dict[str, object], str]]:
            for row_id, kept, *values in rows:
                content = dict(zip(CONTENT, values, strict=True))
                if "approval" in content["facts"]:
                    digests[content["facts"]["approval"]] = row_id
                yield row_id, content, kept

        with self._read() as session:
            head = session.get_one(StoreRow, 1)
            # Columns, not objects: there may be a million rows.
            columns = (HistoryRow.id, HistoryRow.hash, *(getattr(HistoryRow, name) for name in CONTENT))
            query = sql.select(*columns).order_by(col(HistoryRow.id))
            rows = session.execute(query, execution_options={"yield_per": 1000})
            check = follow(self.place, told(), head.history_rows, head.history_hash, noted)
            return check if not check.holds else self._vouched(session, check, digests)

    def _vouched(self, session: Session, check: ChainCheck, digests: Mapping[str, int]) -> ChainCheck:
        """Each decision's record is the one whose digest its history row keeps."""
        seen: set[str] = set()
        for approval in session.exec(select(ApprovalRow).order_by(col(ApprovalRow.id))):
            digest = approval_digest(approval)
            if digest in digests:
                seen.add(digest)
            elif seen:
                # Those before the first that is vouched for are older than the chain.
                told = f"The decision {approval.id} on {approval.experiment_id} is not as it was made."
                return ChainCheck(check.store, check.rows, check.head, None, told)
        for digest, row in digests.items():
            if digest not in seen:
                told = f"The decision that history row {row} tells of was changed or is missing."
                return ChainCheck(check.store, check.rows, check.head, row, told)
        return check

    def _entry(self, row: HistoryRow) -> AuditEntry:
        return AuditEntry(
            store=self.place,
            id=row.id or 0,
            at=row.at,
            author=row.author,
            what=row.to_state,
            subject=row.experiment_id or row.campaign_id,
            reason=row.reason,
            address="",
            facts=row.facts,
            hash=row.hash,
        )


def follow(
    store: Place,
    rows: Iterable[tuple[int, Mapping[str, object], str]],
    length: int,
    head: str,
    noted: str = "",
) -> ChainCheck:
    """Follow a chain of rows (id, content, hash) from its beginning to the ``head`` that it should have."""
    before, count, found = "", 0, not noted
    for row_id, content, kept in rows:
        if link(before, content) != kept:
            told = f"Row {row_id} is not as it was written, or rows before it were removed, added or moved."
            return ChainCheck(store, count, before, row_id, told)
        before, count, found = kept, count + 1, found or kept == noted
    if (count, before) != (length, head):
        told = f"The chain ends after {count} rows, but {length} were written: its end was removed."
        return ChainCheck(store, count, before, None, told)
    if not found:
        told = f"The hash {noted[:12]}… that was noted is not in the chain: it was written anew."
        return ChainCheck(store, count, before, None, told)
    return ChainCheck(store, count, before)
