"""A whole campaign out of a ledger, and into another one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func
from sqlmodel import SQLModel, col, select

from campaigns.ledger.chain import append
from campaigns.ledger.errors import LedgerError
from campaigns.ledger.states import FINAL_STATUSES, CampaignState
from campaigns.ledger.status import Statuses
from campaigns.ledger.tables import (
    ApprovalRow,
    CampaignRow,
    ExperimentRow,
    HistoryRow,
    MeasurementRow,
    MicrographRow,
    ModelUseRow,
    PredictionRow,
    Row,
)

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""The rows of a campaign by table, in the order in which they were written, in JSON's own types."""

_TABLES: Mapping[str, type[Row]] = {
    "campaign": CampaignRow,
    "experiment": ExperimentRow,
    "history": HistoryRow,
    "approval": ApprovalRow,
    "prediction": PredictionRow,
    "micrograph": MicrographRow,
    "measurement": MeasurementRow,
    "model_use": ModelUseRow,
}
# Numbered by the database that they are in.
_NUMBERED = ("history", "approval", "prediction", "micrograph", "measurement", "model_use")


class Copies(Statuses):
    """Copying campaigns between ledgers."""

    def rows(self, campaign_id: str) -> Rows:
        """Everything that this ledger has of a campaign, as of one moment. Errors: :class:`NotFound`."""
        found: dict[str, list[dict[str, Any]]] = {}
        with self._read_together(), self._read() as session:
            self._campaign_row(session, campaign_id)
            for name, table in _TABLES.items():
                columns: Any = table
                owner = columns.id if table is CampaignRow else columns.campaign_id
                order = columns.index if table is ExperimentRow else columns.id
                query = select(table).where(col(owner) == campaign_id).order_by(col(order))
                left_out = {"id"} if name in _NUMBERED else set()
                found[name] = [row.model_dump(mode="json", exclude=left_out) for row in session.exec(query)]
        return found

    def take_in(self, rows: Rows, *, place: Callable[[str], str], author: str) -> str:
        """Write the rows of another ledger's campaign into this one; its id.

        ``place``: from a micrograph's path there to its path here. The history follows on the one that is
        here, with its own times and authors. A campaign that had not ended is aborted here: its lab is
        elsewhere, and it goes on where it came from. Errors: :class:`LedgerError` where rows cannot be read,
        belong to the other kind of lab, or the campaign is here already.
        """
        made = {name: [_made(name, one) for one in rows.get(name, ())] for name in _TABLES}
        if len(made["campaign"]) != 1:
            raise LedgerError("What is to be taken in holds no campaign, or several; export one again.")
        (campaign,) = made["campaign"]
        assert isinstance(campaign, CampaignRow)
        if any(row.simulated is not self.simulated for found in made.values() for row in found):
            here, there = ("simulated", "real") if self.simulated else ("real", "simulated")
            raise LedgerError(f"This is the ledger of {here} labs, and the campaign is of a {there} one.")
        ended = campaign.status in FINAL_STATUSES
        reason = "imported" if ended else f"imported while {campaign.status}; it goes on where it came from"
        status = campaign.status
        with self._write() as session:
            known = session.exec(
                select(func.count()).select_from(CampaignRow).where(col(CampaignRow.id) == campaign.id)
            ).one()
            if known:
                raise LedgerError(f"The campaign {campaign.id} is in this ledger already.")
            if not ended:
                campaign.status, campaign.reason = CampaignState.ABORTED, reason
            for found in made.values():
                for row in found:
                    if isinstance(row, MicrographRow):
                        row.path = place(row.path)
                    if isinstance(row, HistoryRow):
                        append(session, row)
                    else:
                        session.add(row)
                session.flush()
            self._note(session, campaign.id, status, campaign.status, author, reason)
        return campaign.id


def _made(name: str, content: Mapping[str, Any]) -> Row:
    table: type[SQLModel] = _TABLES[name]
    try:
        made = table.model_validate(dict(content))
    except (ValidationError, TypeError) as error:
        first = " ".join(str(error).split())[:300]
        raise LedgerError(f"A row of the table {name} cannot be read ({first}); export it again.") from error
    assert isinstance(made, Row)
    return made
