"""Words as they are cut in every script, and names as they are compared now: what searches look in is made anew"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

from storage.index import name_of, words_of

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BATCH = 5_000


def _marks() -> str:
    """The marks that parted words before; those up to U+036F and of most of India did not."""
    codes = (*range(0x370, 0x900), *range(0xE00, 0x20000))
    return "".join(chr(code) for code in codes if unicodedata.category(chr(code)) in ("Mn", "Mc"))


# What is cut in another way now: those marks, apostrophes that are letters, dotted capital i, the stops of India.
CUT_ANEW = re.compile(rf"[{_marks()}\u02bb\u02bc\u0130\u0307\u0964\u0965\u0970]")

TURNS = sa.text("""
    SELECT turns.revision_id, turns.position, revisions.transcript_id, turns.label, turns.speaker, turns.text,
           searched.id, searched.name, searched.words
    FROM turns JOIN revisions ON revisions.id = turns.revision_id
    LEFT JOIN searched ON searched.revision_id = turns.revision_id AND searched.position = turns.position
    WHERE (turns.revision_id, turns.position) > (:revision, :position)
    ORDER BY turns.revision_id, turns.position LIMIT :batch""")


def upgrade() -> None:
    connection = op.get_bind()
    last, recut = (0, -1), set[int]()
    while found := connection.execute(
        TURNS, {"revision": last[0], "position": last[1], "batch": BATCH}
    ).all():
        changed = []
        for row in found:
            anew = CUT_ANEW.search(row.text) is not None
            if anew:
                recut.add(row.transcript_id)
            if row.id is not None:
                words = words_of(row.text.split("\n")) if anew else row.words
                name = name_of(row.label, row.speaker)
                if (name, words) != (row.name, row.words):
                    changed.append({"id": row.id, "name": name, "words": words})
        if changed:
            connection.execute(
                sa.text("UPDATE searched SET name = :name, words = :words WHERE id = :id"), changed
            )
        last = (found[-1].revision_id, found[-1].position)
    # As in migration 0012: links stay, and the texts are compared when their source is next collected.
    if recut:
        own = [{"own": number} for number in sorted(recut)]
        connection.execute(sa.text("UPDATE revisions SET compared_at = NULL WHERE transcript_id = :own"), own)
        uncompared = "SELECT transcript_id FROM revisions WHERE compared_at IS NULL"
        op.execute(f"DELETE FROM fingerprints WHERE transcript_id IN ({uncompared})")  # noqa: S608


def downgrade() -> None:
    """Nothing of the schema changed. What an older version cuts in another way, its `audit --repair` makes anew."""
