"""A schedule that the leader no longer has is marked as removed."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

REMOVED = """
alter table sooner.schedule add column removed_at timestamptz;
comment on column sooner.schedule.removed_at is
  'When a leader first did not have it any more: the row stays, so that put back it goes on where it was.';
"""


def upgrade() -> None:
    op.execute(REMOVED)


def downgrade() -> None:
    op.execute("alter table sooner.schedule drop column removed_at")
