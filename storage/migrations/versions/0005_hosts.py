"""Hosts: when each may be asked next, and until when it is left alone, for all crawls together"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hosts",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("delay", sa.Double(), nullable=False),
        sa.Column("left_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_hosts")),
    )


def downgrade() -> None:
    op.drop_table("hosts")
