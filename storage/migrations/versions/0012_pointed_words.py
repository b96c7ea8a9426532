"""Fingerprints of words without vowel points, as searches look for them: Arabic and Hebrew texts get theirs anew"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

POINTED = "language IN ('ar', 'fa', 'he', 'ku', 'ps', 'ug', 'ur', 'yi')"


def upgrade() -> None:
    _forget_fingerprints()


def downgrade() -> None:
    _forget_fingerprints()


def _forget_fingerprints() -> None:
    # As in migration 0011: links stay, and the texts are compared when their source is next collected.
    own = f"SELECT transcript_id FROM revisions WHERE {POINTED}"  # noqa: S608 - words of ours
    op.execute(f"DELETE FROM fingerprints WHERE transcript_id IN ({own})")  # noqa: S608
    op.execute(f"UPDATE revisions SET compared_at = NULL WHERE {POINTED}")  # noqa: S608
