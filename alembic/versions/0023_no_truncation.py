"""Vacuum leaves the table of jobs as long as it is: its pages are filled again."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table dramatiq.queue set (vacuum_truncate = off, toast.vacuum_truncate = off)")


def downgrade() -> None:
    op.execute("alter table dramatiq.queue reset (vacuum_truncate, toast.vacuum_truncate)")
