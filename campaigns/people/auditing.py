"""The audit of a whole state directory: both ledgers and the people, as one."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from campaigns.ledger import AuditEntry, AuditFilter, ChainCheck, ledgers
from campaigns.ledger.audit import Place
from campaigns.ledger.store import iso
from campaigns.people.people import People
from models.errors import UnusableInput

COLUMNS = ("at", "author", "what", "subject", "reason", "store", "address", "id", "facts", "hash")


def entries(home: Path, people: People, wanted: AuditFilter | None = None) -> tuple[AuditEntry, ...]:
    """What is wanted of all three stores, the newest first."""
    wanted = wanted or AuditFilter()
    with ledgers(home) as opened:
        found = [entry for ledger in opened for entry in ledger.audit(wanted)]
    found += people.audit(wanted)
    found.sort(key=lambda entry: (entry.at, entry.id), reverse=True)
    return tuple(found[: wanted.most])


def verify(home: Path, people: People, noted: Iterable[str] = ()) -> tuple[ChainCheck, ...]:
    """Whether each store's chain holds; ``noted`` are heads that were noted outside, as ``STORE:HASH``.

    Errors: :class:`UnusableInput` for a head that is none.
    """
    heads = dict(_split(one) for one in noted)
    with ledgers(home) as opened:
        checks = [ledger.verify_chain(heads.pop(ledger.place, "")) for ledger in opened]
    checks.append(people.verify_chain(heads.pop("people", "")))
    gone = "The store is gone, although a head of it was noted."
    return (*checks, *(ChainCheck(store, 0, "", None, gone) for store in heads))


def as_csv(found: Iterable[AuditEntry]) -> str:
    """Entries as CSV with a heading; a cell that a spreadsheet would compute is told as text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in found:
        row = asdict(entry) | {"facts": json.dumps(dict(entry.facts), sort_keys=True)}
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    return buffer.getvalue()


def moment(text: str) -> str:
    """A time as the audit keeps it; empty stays empty. Errors: :class:`UnusableInput`."""
    if not text.strip():
        return ""
    try:
        read = datetime.fromisoformat(text.strip())
        return iso(read if read.tzinfo else read.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise UnusableInput(
            f"{text!r} is no time; give ISO 8601, e.g. 2026-11-01 or 2026-11-01T08:00Z."
        ) from None


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _split(noted: str) -> tuple[Place, str]:
    told, _, head = noted.strip().partition(":")
    for store in get_args(Place):
        if told == store and len(head) == 64:
            return store, head
    raise UnusableInput(
        f"{noted!r} is no noted head; give STORE:HASH as `morpholoop audit verify` prints it."
    )
