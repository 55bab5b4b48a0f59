"""The first tables, and the triggers that keep records append-only."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("history", "approval", "prediction", "micrograph", "measurement", "model_use")


def _text(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _long(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.Text(), nullable=False)


def _json(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.JSON(), nullable=False)


def _whole(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.Integer(), nullable=False)


def _number(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Float(), nullable=nullable)


def _flag(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Boolean(), nullable=nullable)


def _table(name: str, *parts: "sa.Column[Any] | sa.schema.SchemaItem", key: str = "id") -> None:
    """A table whose rows say whether they are simulated, with its primary key."""
    op.create_table(name, _flag("simulated"), *parts, sa.PrimaryKeyConstraint(key, name=op.f(f"pk_{name}")))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{columns[0]}"))


def _refers(table: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{other}_id_{other}")
    return sa.ForeignKeyConstraint([f"{other}_id"], [f"{other}.id"], name=name)


def _record(table: str, *parts: "sa.Column[Any] | sa.schema.SchemaItem", always: bool = True) -> None:
    """A table of records about experiments (``always``), or sometimes about their campaign only."""
    _table(
        table,
        _whole("id"),
        _text("campaign_id"),
        _text("experiment_id", nullable=not always),
        *parts,
        _text("at"),
        _refers(table, "campaign"),
        _refers(table, "experiment"),
    )
    for column in ("campaign_id", "experiment_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def upgrade() -> None:
    _table("store", _whole("id"), _text("created_at"))
    _table(
        "campaign",
        *(_text("id"), _text("name"), _whole("seed"), _whole("run"), _text("status"), _long("reason")),
        *(_long("specification"), _text("digest"), _text("lab"), _json("targets"), _json("units")),
        *(_number("virtual_hours"), _number("seconds"), _text("report")),
        *(_text("created_at"), _text("updated_at")),
        _unique("campaign", "name", "seed", "run"),
    )
    _table(
        "experiment",
        *(_text("id"), _text("campaign_id"), _whole("index"), _text("state"), _whole("revision")),
        *(_long("reason"), _json("conditions"), _json("units"), _text("model_version")),
        *(_number("objective", nullable=True), _number("manifold_distance", nullable=True)),
        *(_text("dispatch_key", nullable=True), _whole("reactor_starts"), _whole("fields")),
        *(_flag("representative", nullable=True), _text("lab_started_at"), _text("lab_finished_at")),
        *(_text("created_at"), _text("updated_at")),
        _refers("experiment", "campaign"),
        _unique("experiment", "campaign_id", "index"),
        _unique("experiment", "dispatch_key"),
    )
    op.create_index(op.f("ix_experiment_campaign_id"), "experiment", ["campaign_id"])
    op.create_index(op.f("ix_experiment_state"), "experiment", ["state"])
    _table(
        "lease",
        *(_text("campaign_id"), _text("holder"), _text("token"), _text("expires_at")),
        _refers("lease", "campaign"),
        key="campaign_id",
    )
    _record(
        "history",
        *(_text("from_state"), _text("to_state"), _whole("revision"), _text("author")),
        *(_long("reason"), _json("facts")),
        always=False,
    )
    _record(
        "approval",
        *(_text("decision"), _text("author"), _text("role"), _text("expires_at"), _text("hash")),
        *(_long("grounds"), _long("reason")),
    )
    _record(
        "prediction",
        *(_text("descriptor"), _text("unit"), _number("mean", nullable=True), _number("sd", nullable=True)),
        _text("model_version"),
        _unique("prediction", "experiment_id", "descriptor"),
    )
    _record(
        "micrograph",
        *(_text("kind"), _number("magnification"), _whole("field"), _text("path"), _text("sha256")),
        *(_number("pixel_size_um"), _text("acquired_at")),
        _unique("micrograph", "experiment_id", "kind", "magnification", "field"),
    )
    _record(
        "measurement",
        *(_whole("look"), _text("descriptor"), _text("unit")),
        *(_number(name, nullable=True) for name in ("value", "low", "high")),
        *(_number("confidence"), _whole("n_fields"), _whole("fields_needed")),
        _unique("measurement", "experiment_id", "look", "descriptor"),
    )
    _record(
        "model_use",
        *(_text("version"), _text("parent"), _text("action"), _json("metrics"), _long("reason")),
        always=False,
    )
    _append_only()


def _append_only() -> None:
    """Records are only ever added; the database itself refuses the rest."""
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        for table in APPEND_ONLY:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
    elif dialect == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
        for table in APPEND_ONLY:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )


def downgrade() -> None:
    for table in (*reversed(APPEND_ONLY), "lease", "experiment", "campaign", "store"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")
