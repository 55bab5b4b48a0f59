"""The ledger's tables. Times are ISO 8601 in UTC; units are in columns beside the numbers they belong to.

Tables change only together with a migration in :mod:`campaigns.migrations`.
"""

from typing import Any

from sqlalchemy import JSON, Column, MetaData, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

JsonObject = dict[str, Any]

# Named constraints, so that later migrations can change them on every database.
NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """Base of all rows: each one says whether it comes from a simulated lab."""

    metadata = MetaData(naming_convention=NAMING)

    simulated: bool


class StoreRow(Row, table=True):
    """What this database is: the store of a simulated lab, or of a real one; a single row.

    ``history_rows`` and ``history_hash``: the head of the chain of histories (:mod:`campaigns.ledger.chain`).
    """

    __tablename__ = "store"

    id: int = Field(default=1, primary_key=True)
    created_at: str
    history_rows: int = 0
    history_hash: str = ""


class CampaignRow(Row, table=True):
    """One run of a campaign file; ``targets`` are as resolved at the start, in the descriptors' units."""

    __tablename__ = "campaign"
    __table_args__ = (UniqueConstraint("name", "seed", "run"),)

    id: str = Field(primary_key=True)
    name: str
    seed: int
    run: int
    status: str
    reason: str = Field(default="", sa_type=Text)
    specification: str = Field(sa_type=Text)
    digest: str
    lab: str
    targets: list[JsonObject] = Field(sa_column=Column(JSON, nullable=False))
    units: JsonObject = Field(sa_column=Column(JSON, nullable=False))
    virtual_hours: float = 0.0
    seconds: float = 0.0
    report: str = ""
    created_at: str
    updated_at: str


class ExperimentRow(Row, table=True):
    """One experiment; ``revision`` grows by one with each transition."""

    __tablename__ = "experiment"
    __table_args__ = (UniqueConstraint("campaign_id", "index"),)

    id: str = Field(primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    index: int
    state: str = Field(index=True)
    revision: int = 0
    reason: str = Field(default="", sa_type=Text)
    conditions: JsonObject = Field(sa_column=Column(JSON, nullable=False))
    units: JsonObject = Field(sa_column=Column(JSON, nullable=False))
    model_version: str = ""
    objective: float | None = None
    manifold_distance: float | None = None
    dispatch_key: str | None = Field(default=None, unique=True)
    reactor_starts: int = 0
    fields: int = 0
    representative: bool | None = None
    lab_started_at: str = ""
    lab_finished_at: str = ""
    reached: JsonObject | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    edited_from: str | None = None
    created_at: str
    updated_at: str


class HistoryRow(Row, table=True):
    """One move of an experiment, or of its campaign where ``experiment_id`` is empty; append-only.

    ``hash`` is over the row and the hash of the row before it.
    """

    __tablename__ = "history"

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    experiment_id: str | None = Field(default=None, foreign_key="experiment.id", index=True)
    from_state: str
    to_state: str
    revision: int
    at: str
    author: str
    reason: str = Field(default="", sa_type=Text)
    facts: JsonObject = Field(sa_column=Column(JSON, nullable=False))
    hash: str


class ApprovalRow(Row, table=True):
    """One decision; ``hash`` is over ``grounds``: conditions, limits, model version and what it predicts."""

    __tablename__ = "approval"

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    experiment_id: str = Field(foreign_key="experiment.id", index=True)
    decision: str
    author: str
    role: str
    at: str
    expires_at: str
    hash: str
    grounds: str = Field(sa_type=Text)
    reason: str = Field(default="", sa_type=Text)


class PredictionRow(Row, table=True):
    """One predicted descriptor: mean and standard deviation in ``unit``; append-only."""

    __tablename__ = "prediction"
    __table_args__ = (UniqueConstraint("experiment_id", "descriptor"),)

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    experiment_id: str = Field(foreign_key="experiment.id", index=True)
    descriptor: str
    unit: str
    mean: float | None
    sd: float | None
    model_version: str
    at: str


class MicrographRow(Row, table=True):
    """One image file, measured or predicted, by its checksum; append-only."""

    __tablename__ = "micrograph"
    __table_args__ = (UniqueConstraint("experiment_id", "kind", "magnification", "field"),)

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    experiment_id: str = Field(foreign_key="experiment.id", index=True)
    kind: str
    magnification: float
    field: int
    path: str
    sha256: str
    pixel_size_um: float
    acquired_at: str = ""
    at: str


class MeasurementRow(Row, table=True):
    """One measured descriptor with its interval in ``unit``, as known after ``look`` looks; append-only."""

    __tablename__ = "measurement"
    __table_args__ = (UniqueConstraint("experiment_id", "look", "descriptor"),)

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    experiment_id: str = Field(foreign_key="experiment.id", index=True)
    look: int
    descriptor: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    n_fields: int
    fields_needed: int
    at: str


class ModelUseRow(Row, table=True):
    """One use of a model version in a campaign: proposing, fine-tuning, promoting and so on; append-only."""

    __tablename__ = "model_use"

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    experiment_id: str | None = Field(default=None, foreign_key="experiment.id", index=True)
    version: str
    parent: str = ""
    action: str
    metrics: JsonObject = Field(sa_column=Column(JSON, nullable=False))
    reason: str = Field(default="", sa_type=Text)
    at: str


class LeaseRow(Row, table=True):
    """Who drives a campaign, until when; ``token`` changes hands with it."""

    __tablename__ = "lease"

    campaign_id: str = Field(foreign_key="campaign.id", primary_key=True)
    holder: str
    token: str
    expires_at: str


class DeviceLeaseRow(Row, table=True):
    """One place in the queue for a ``kind`` of device of a lab, in order of ``id``.

    ``device`` is what was had for it, ``token`` is that of the lease under which it was asked for.
    """

    __tablename__ = "device_lease"

    id: int | None = Field(default=None, primary_key=True)
    lab: str = Field(index=True)
    kind: str
    device: str = ""
    campaign_id: str
    experiment_id: str
    token: str
    asked_at: str
    taken_at: str = ""
