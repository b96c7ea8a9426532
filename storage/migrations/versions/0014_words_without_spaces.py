"""Texts whose words no space parts count as long ones: title and date make them no other text any more"""

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.sameness import digest
from storage.transcript import Transcript, Turn
from storage.words import UNPARTED

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BATCH = 500

REVISIONS = sa.table(
    "revisions",
    sa.column("id", sa.Integer),
    sa.column("transcript_id", sa.Integer),
    sa.column("date"),  # as it is kept: a damaged one is the audit's to tell
    sa.column("title", sa.Text),
    sa.column("digest", sa.String),
)
TURNS = sa.table(
    "turns",
    sa.column("revision_id", sa.Integer),
    sa.column("position", sa.Integer),
    sa.column("label", sa.Text),
    sa.column("text", sa.Text),
)
TRANSCRIPTS = sa.table("transcripts", sa.column("id", sa.Integer), sa.column("first_digest", sa.String))
APPEARANCES = sa.table("appearances", sa.column("transcript_id", sa.Integer), sa.column("digest", sa.String))


def upgrade() -> None:
    connection = op.get_bind()
    last = 0
    while found := connection.execute(
        sa.select(REVISIONS).where(REVISIONS.c.id > last).order_by(REVISIONS.c.id).limit(BATCH)
    ).all():
        last = found[-1].id
        spoken = connection.execute(
            sa.select(TURNS)
            .where(TURNS.c.revision_id.between(found[0].id, last))
            .order_by(TURNS.c.revision_id, TURNS.c.position)
        )
        said = {
            number: list(turns) for number, turns in itertools.groupby(spoken, lambda turn: turn.revision_id)
        }
        for text in found:
            to = _digest(text, said.get(text.id, []))
            if to is not None and to != text.digest:
                _rename(connection, text, to)


def _digest(text: sa.Row[Any], turns: Sequence[sa.Row[Any]]) -> str | None:
    """A revision's digest; None where it stays, or where the revision is damaged."""
    if not any(UNPARTED.search(turn.text) for turn in turns):
        return None
    try:
        day = dt.date.fromisoformat(str(text.date))
        read = tuple(Turn(tuple(turn.text.split("\n")), turn.label) for turn in turns)
        return digest(Transcript(day, text.title, read))
    except ValueError:
        return None


def _rename(connection: sa.Connection, text: sa.Row[Any], to: str) -> None:
    """Give a revision its digest, and with it what names the text by that."""
    own = TRANSCRIPTS.c.id == text.transcript_id
    connection.execute(sa.update(REVISIONS).where(REVISIONS.c.id == text.id).values(digest=to))
    connection.execute(
        sa.update(APPEARANCES)
        .where(APPEARANCES.c.transcript_id == text.transcript_id, APPEARANCES.c.digest == text.digest)
        .values(digest=to)
    )
    # Two transcripts that turn out to be one text are not merged: both can have been cited.
    taken = connection.scalar(sa.select(TRANSCRIPTS.c.id).where(TRANSCRIPTS.c.first_digest == to, ~own))
    connection.execute(
        sa.update(TRANSCRIPTS)
        .where(own, TRANSCRIPTS.c.first_digest.in_((text.digest, f"{text.digest}:{text.transcript_id}")))
        .values(first_digest=to if taken is None else f"{to}:{text.transcript_id}")
    )


def downgrade() -> None:
    """Nothing of the schema changed."""
