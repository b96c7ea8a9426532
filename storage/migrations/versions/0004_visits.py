"""When a known page is asked for again"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("captures", schema=None) as batch_op:
        batch_op.add_column(sa.Column("etag", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("last_modified", sa.String(), nullable=True))
    # A page without a visit is asked for when it is next listed.
    with op.batch_alter_table("appearances", schema=None) as batch_op:
        batch_op.add_column(sa.Column("capture_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("visited_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("next_visit", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("unmodified", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("missing", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_foreign_key(
            batch_op.f("fk_appearances_capture_id_captures"), "captures", ["capture_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_appearances_source_next_visit"), ["source", "next_visit"])


def downgrade() -> None:
    with op.batch_alter_table("appearances", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_appearances_source_next_visit"))
        batch_op.drop_constraint(batch_op.f("fk_appearances_capture_id_captures"), type_="foreignkey")
        for name in ("missing", "unmodified", "next_visit", "visited_on", "capture_id"):
            batch_op.drop_column(name)
    with op.batch_alter_table("captures", schema=None) as batch_op:
        batch_op.drop_column("last_modified")
        batch_op.drop_column("etag")
