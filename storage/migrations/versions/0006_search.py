"""Search: the words of every turn of the newest revisions"""

import sqlalchemy as sa
from alembic import op

from storage.index import name_of, words_of

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BATCH = 1000
"""Turns held in memory at once."""


def upgrade() -> None:
    op.create_table(
        "searched",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revisions.id"], name=op.f("fk_searched_revision_id_revisions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_searched")),
        sa.UniqueConstraint("revision_id", "position", name=op.f("uq_searched_revision_id_position")),
    )
    if op.get_context().dialect.name == "sqlite":
        _index_of_sqlite()
    _fill()
    if op.get_context().dialect.name == "postgresql":  # after the rows: faster
        words = "array_to_tsvector(array_remove(string_to_array(words, ' '), ''))"
        op.execute(f"CREATE INDEX searched_words ON searched USING gin ({words})")


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TABLE searched_words")
    op.drop_table("searched")  # with its triggers


def _index_of_sqlite() -> None:
    # The ascii tokenizer parts words at nothing but ASCII, as in the table at nothing but spaces, and folds nothing.
    op.execute(
        "CREATE VIRTUAL TABLE searched_words USING fts5"
        "(words, content='searched', content_rowid='id', tokenize='ascii', detail=none)"
    )
    add = "INSERT INTO searched_words (rowid, words) VALUES (new.id, new.words);"
    remove = "INSERT INTO searched_words (searched_words, rowid, words) VALUES ('delete', old.id, old.words);"
    op.execute(f"CREATE TRIGGER searched_added AFTER INSERT ON searched BEGIN {add} END")
    op.execute(f"CREATE TRIGGER searched_removed AFTER DELETE ON searched BEGIN {remove} END")
    op.execute(f"CREATE TRIGGER searched_changed AFTER UPDATE ON searched BEGIN {remove} {add} END")


def _fill() -> None:
    """Index what is stored, a batch at a time."""
    connection = op.get_bind()
    columns = ("revision_id", "position", "name", "words")
    searched = sa.table("searched", *map(sa.column, columns))
    turns = sa.text("""
        SELECT turns.revision_id, turns.position, turns.label, turns.speaker, turns.text
        FROM turns JOIN revisions ON revisions.id = turns.revision_id
        WHERE (turns.revision_id, turns.position) > (:revision, :position)
        AND revisions.number = (SELECT max(other.number) FROM revisions AS other
                                WHERE other.transcript_id = revisions.transcript_id)
        ORDER BY turns.revision_id, turns.position LIMIT :batch""")
    last = (0, -1)
    while True:
        found = connection.execute(turns, {"revision": last[0], "position": last[1], "batch": BATCH}).all()
        if not found:
            return
        rows = [
            (row.revision_id, row.position, name_of(row.label, row.speaker), words_of(row.text.split("\n")))
            for row in found
        ]
        op.bulk_insert(searched, [dict(zip(columns, row, strict=True)) for row in rows])
        last = rows[-1][:2]
