"""The days that a run has not proved complete, as days: until now they stood in the words of its reasons alone"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TOLD = "not proved complete: "


def upgrade() -> None:
    op.add_column("runs", sa.Column("open_days", sa.JSON(), server_default="[]", nullable=False))
    runs = sa.table(
        "runs",
        sa.column("id", sa.Integer()),
        sa.column("reasons", sa.JSON()),
        sa.column("open_days", sa.JSON()),
    )
    connection = op.get_bind()
    told = sa.select(runs.c.id, runs.c.reasons).where(sa.cast(runs.c.reasons, sa.Text()).contains(TOLD))
    for number, reasons in connection.execute(told).all():
        days = [day for reason in reasons if reason.startswith(TOLD) for day in _named(reason)]
        connection.execute(runs.update().where(runs.c.id == number).values(open_days=days))


def downgrade() -> None:
    op.drop_column("runs", "open_days")


def _named(reason: str) -> list[str]:
    """The days of a reason such as `2026-03-01, 2026-03-04`, or `9 days from 2026-03-01 to 2026-03-12`."""
    named = reason.removeprefix(TOLD)
    _, many, stretch = named.partition(" days from ")
    if not many:
        return named.split(", ")
    # Which days of the stretch it were is not told, so all of them are open.
    first, last = map(dt.date.fromisoformat, stretch.split(" to "))
    return [str(first + dt.timedelta(number)) for number in range((last - first).days + 1)]
