"""What a person says was reached, beside the conditions that were asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("experiment", sa.Column("reached", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("experiment", "reached")
