"""Backfills in windows: who answered a run instead of its source's site, and where it left the listings"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("via", sa.String(10), nullable=True))
    op.add_column("runs", sa.Column("bookmarks", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "bookmarks")
    op.drop_column("runs", "via")
