"""The ledger's names of unread pages in the spelling of 0015 too, and no document numbers that are whole paragraphs"""

import sqlalchemy as sa
from alembic import op

from storage.address import escaped, uncounted

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

RUNS = sa.table(
    "runs", sa.column("id", sa.Integer), sa.column("kind", sa.String), sa.column("via", sa.String)
)
PAGES = sa.table(
    "pages",
    sa.column("id", sa.Integer),
    sa.column("run_id", sa.Integer),
    sa.column("key", sa.String),
    sa.column("disposition", sa.String),
    sa.column("reason", sa.String),
)
UNREAD = ("blocked", "failed", "rejected", "gone")


def upgrade() -> None:
    connection = op.get_bind()
    # Nights ask again for pages that none could read: by another name they would take in what is known.
    # The names of others are those of files, or have a moment in them.
    own = sa.select(RUNS.c.id).where(RUNS.c.kind == "nightly", RUNS.c.via.is_(None))
    rows = connection.execute(
        sa.select(PAGES.c.id, PAGES.c.run_id, PAGES.c.key)
        .where(PAGES.c.disposition.in_(UNREAD), PAGES.c.run_id.in_(own))
        .order_by(PAGES.c.id)
    ).all()
    for row in rows:
        if (key := _plain(row.key)) == row.key:
            continue
        mine = sa.update(PAGES).where(PAGES.c.id == row.id)
        there = sa.select(PAGES.c.id).where(PAGES.c.run_id == row.run_id, PAGES.c.key == key)
        if connection.scalar(there) is None:
            connection.execute(mine.values(key=key))
        else:
            connection.execute(mine.values(disposition="duplicate", reason=f"the same page as {key}"))
    # PostgreSQL's index of numbers takes no 2,704 bytes.
    op.execute("UPDATE revisions SET document_number = NULL WHERE length(document_number) > 100")


def _plain(key: str) -> str:
    try:
        return escaped(uncounted(key).rstrip("/"))
    except ValueError:
        return key


def downgrade() -> None:
    """Nothing of the schema changed."""
