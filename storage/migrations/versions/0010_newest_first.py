"""Search: rows numbered by day, the newest first"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# As `storage.index.row_id` has it.
LAST_DAY, OF_A_DAY, OF_A_REVISION = 3652059, 2**41, 2**16

WORDS = "array_to_tsvector(array_remove(string_to_array(words, ' '), ''))"


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        day = "CAST(julianday(date) - 1721424.5 AS INTEGER)"
        _without_index_of_sqlite()
        _number(day)
        _index_of_sqlite(", prefix='1 2 3 4'")
        return
    op.alter_column("searched", "id", type_=sa.BigInteger(), server_default=None)
    op.execute("DROP SEQUENCE IF EXISTS searched_id_seq")
    _number("(date - DATE '0001-01-01' + 1)")
    # Kept, and not made again for every row that a search looks at: that is most of what a common word costs.
    op.execute("DROP INDEX searched_words")
    op.execute(
        f"ALTER TABLE searched ADD COLUMN searched_words tsvector GENERATED ALWAYS AS ({WORDS}) STORED"
    )
    op.execute("CREATE INDEX searched_words ON searched USING gin (searched_words)")


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        _without_index_of_sqlite()
        _count()
        _index_of_sqlite()
        return
    op.execute("ALTER TABLE searched DROP COLUMN searched_words")  # with its index
    _count()
    op.execute(f"CREATE INDEX searched_words ON searched USING gin ({WORDS})")
    op.alter_column("searched", "id", type_=sa.Integer())
    op.execute("CREATE SEQUENCE searched_id_seq OWNED BY searched.id")
    op.execute("SELECT setval('searched_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM searched), false)")
    op.execute("ALTER TABLE searched ALTER COLUMN id SET DEFAULT nextval('searched_id_seq')")


def _number(day: str) -> None:
    op.execute(sa.text("DELETE FROM searched WHERE position >= :most").bindparams(most=OF_A_REVISION))
    older = f"(SELECT ({LAST_DAY} - {day}) * {OF_A_DAY} FROM revisions WHERE id = searched.revision_id)"  # noqa: S608
    number = f"{older} + revision_id * CAST({OF_A_REVISION} AS BIGINT) + position"
    op.execute(f"UPDATE searched SET id = {number}")  # noqa: S608 - numbers of ours


def _count() -> None:
    """Plain numbers again. They are smaller than any of the others, so none is there twice meanwhile."""
    op.execute(
        "UPDATE searched SET id = plain.number FROM"
        " (SELECT id, row_number() OVER (ORDER BY revision_id, position) AS number FROM searched) AS plain"
        " WHERE plain.id = searched.id"
    )


def _without_index_of_sqlite() -> None:
    for name in ("searched_added", "searched_removed", "searched_changed"):
        op.execute(f"DROP TRIGGER {name}")
    op.execute("DROP TABLE searched_words")


def _index_of_sqlite(beginnings: str = "") -> None:
    # As migration 0006 has it; words that begin with a few letters are many, and need an index of their own.
    op.execute(
        "CREATE VIRTUAL TABLE searched_words USING fts5"
        f"(words, content='searched', content_rowid='id', tokenize='ascii', detail=none{beginnings})"
    )
    add = "INSERT INTO searched_words (rowid, words) VALUES (new.id, new.words);"
    remove = "INSERT INTO searched_words (searched_words, rowid, words) VALUES ('delete', old.id, old.words);"
    op.execute(f"CREATE TRIGGER searched_added AFTER INSERT ON searched BEGIN {add} END")
    op.execute(f"CREATE TRIGGER searched_removed AFTER DELETE ON searched BEGIN {remove} END")
    op.execute(f"CREATE TRIGGER searched_changed AFTER UPDATE ON searched BEGIN {remove} {add} END")
    op.execute("INSERT INTO searched_words (searched_words) VALUES ('rebuild')")
