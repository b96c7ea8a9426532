"""Near duplicates: fingerprints of passages by another hash, so that every text has to be compared again"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Links stay, and are not written twice. Texts of a source get theirs when the source is next collected; whichever
    # of two is compared later finds the other.
    op.execute("DELETE FROM fingerprints")
    op.execute("UPDATE revisions SET compared_at = NULL")


def downgrade() -> None:
    upgrade()
