"""The chain of histories: each row hashes its content and the hash before it, so that changes show."""

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import update
from sqlmodel import Session, select

from campaigns.ledger.tables import HistoryRow, StoreRow

CONTENT = (
    "simulated",
    "campaign_id",
    "experiment_id",
    "from_state",
    "to_state",
    "revision",
    "at",
    "author",
    "reason",
    "facts",
)
"""The columns of a history row that its hash covers."""


def link(before: str, content: Mapping[str, object]) -> str:
    """The SHA-256 (hex) of a row with this ``content`` that follows on the row with the hash ``before``."""
    # Through JSON first: a row has to hash alike before it is stored and after it was read again.
    plain = json.loads(json.dumps(dict(content)))
    text = json.dumps([before, plain], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def append(session: Session, row: HistoryRow) -> None:
    """Add a row at the end of the chain, in the transaction of what it tells of.

    The store's one row holds the head: whoever moves it keeps everybody else waiting until the commit, so
    that two processes never follow on the same row.
    """
    before = session.execute(select(StoreRow.history_hash).with_for_update()).scalar_one()
    row.hash = link(before, {name: getattr(row, name) for name in CONTENT})
    session.execute(
        update(StoreRow)
        .values(history_rows=StoreRow.history_rows + 1, history_hash=row.hash)
        .execution_options(synchronize_session=False)
    )
    session.add(row)
    session.flush()
