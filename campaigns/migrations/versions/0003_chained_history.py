"""A chain of hashes over the history, with its head in the store's row; which proposal an edit came from."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = "history"
CONTENT = (
    *("simulated", "campaign_id", "experiment_id", "from_state", "to_state", "revision"),
    *("at", "author", "reason", "facts"),
)


def upgrade() -> None:
    op.add_column("experiment", sa.Column("edited_from", sa.String(), nullable=True))
    op.add_column("store", sa.Column("history_rows", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("store", sa.Column("history_hash", sa.String(), nullable=False, server_default=""))
    _allow_changes()
    op.add_column(TABLE, sa.Column("hash", sa.String(), nullable=False, server_default=""))
    _chain_what_is_there()
    _refuse_changes()


def downgrade() -> None:
    _allow_changes()
    op.drop_column(TABLE, "hash")
    _refuse_changes()
    op.drop_column("store", "history_hash")
    op.drop_column("store", "history_rows")
    op.drop_column("experiment", "edited_from")


def _chain_what_is_there() -> None:
    # Hashed as by campaigns.ledger.chain when this was written: what that becomes must not change old hashes.
    connection = op.get_bind()
    columns: list[sa.ColumnClause[str]] = [
        sa.column(name) for name in CONTENT if name not in ("facts", "simulated")
    ]
    history = sa.table(
        TABLE,
        sa.column("id", sa.Integer()),
        sa.column("hash", sa.String()),
        sa.column("facts", sa.JSON()),
        sa.column("simulated", sa.Boolean()),
        *columns,
    )
    before, rows = "", 0
    for row in connection.execute(sa.select(history).order_by(history.c.id)).mappings().all():
        content = json.loads(json.dumps({name: row[name] for name in CONTENT}))
        text = json.dumps([before, content], sort_keys=True, separators=(",", ":"))
        before, rows = hashlib.sha256(text.encode()).hexdigest(), rows + 1
        connection.execute(sa.update(history).where(history.c.id == row["id"]).values(hash=before))
    connection.execute(
        sa.text("UPDATE store SET history_rows = :rows, history_hash = :hash"), {"rows": rows, "hash": before}
    )


def _allow_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER {TABLE}_no_{verb}")
    else:
        op.execute(f"DROP TRIGGER {TABLE}_append_only ON {TABLE}")


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
                f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
            )
    else:
        op.execute(
            f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
