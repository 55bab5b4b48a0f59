"""Who has which device of a lab, and who waits for one."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = "device_lease"


def upgrade() -> None:
    texts = ("lab", "kind", "device", "campaign_id", "experiment_id", "token", "asked_at", "taken_at")
    op.create_table(
        TABLE,
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in texts),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )
    op.create_index(op.f(f"ix_{TABLE}_lab"), TABLE, ["lab"])


def downgrade() -> None:
    op.drop_table(TABLE)
