"""Keys in one spelling: as an address is sent, and without what only counts its readers"""

import sqlalchemy as sa
from alembic import op

from storage.address import escaped, uncounted

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TRANSCRIPTS, APPEARANCES = (
    sa.table(
        name,
        sa.column("id", sa.Integer),
        sa.column("source", sa.String),
        sa.column("key", sa.String),
        sa.column("url", sa.String),  # these two of appearances alone
        sa.column("next_visit", sa.Date),
    )
    for name in ("transcripts", "appearances")
)


def upgrade() -> None:
    connection = op.get_bind()
    wanted = (APPEARANCES.c.id, APPEARANCES.c.source, APPEARANCES.c.key)
    # A text that was taken in from a file is known by the file's name, which is no address.
    web = APPEARANCES.c.url.startswith("http")
    rows = connection.execute(sa.select(*wanted).where(web).order_by(APPEARANCES.c.id))
    odd = [(row, key) for row in rows if (key := _plain(row.key)) != row.key]
    for row, key in odd:
        mine = APPEARANCES.c.id == row.id
        if not _taken(connection, APPEARANCES, row.source, key):
            connection.execute(sa.update(APPEARANCES).where(mine).values(key=key))
        else:
            # The page is known by both spellings: it is asked for by the one from now on.
            connection.execute(sa.update(APPEARANCES).where(mine).values(next_visit=None))
        if not _taken(connection, TRANSCRIPTS, row.source, key):
            own = (TRANSCRIPTS.c.source == row.source, TRANSCRIPTS.c.key == row.key)
            connection.execute(sa.update(TRANSCRIPTS).where(*own).values(key=key))


def _plain(key: str) -> str:
    try:
        return escaped(uncounted(key).rstrip("/"))
    except ValueError:
        return key


def _taken(connection: sa.Connection, table: sa.TableClause, source: str, key: str) -> bool:
    asked = sa.select(table.c.id).where(table.c.source == source, table.c.key == key)
    return connection.scalar(asked) is not None


def downgrade() -> None:
    """Nothing of the schema changed."""
