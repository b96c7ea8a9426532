"""Lighter indexes: passages by a quicker hash, and of the beginnings of words none of four letters"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _forget_fingerprints()
    _index_of_sqlite("1 2 3")


def downgrade() -> None:
    _forget_fingerprints()
    _index_of_sqlite("1 2 3 4")


def _forget_fingerprints() -> None:
    # Links stay, and are not written twice. Texts of a source get theirs when the source is next collected; whichever
    # of two is compared later finds the other.
    op.execute("DELETE FROM fingerprints")
    op.execute("UPDATE revisions SET compared_at = NULL")


def _index_of_sqlite(beginnings: str) -> None:
    # Each length is a sixth of what it costs to load a transcript. The triggers of migration 0010 stay.
    if op.get_context().dialect.name != "sqlite":
        return
    op.execute("DROP TABLE searched_words")
    op.execute(
        "CREATE VIRTUAL TABLE searched_words USING fts5"
        f"(words, content='searched', content_rowid='id', tokenize='ascii', detail=none, prefix='{beginnings}')"
    )
    op.execute("INSERT INTO searched_words (searched_words) VALUES ('rebuild')")
