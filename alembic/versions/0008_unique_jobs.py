"""Unique jobs: no two of a kind wait or run at the same time."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table dramatiq.queue add column unique_key text")
    op.execute(
        """
        create unique index queue_unique on dramatiq.queue (unique_key)
        where unique_key is not null and state in ('queued', 'consumed')
        """
    )


def downgrade() -> None:
    op.execute("drop index dramatiq.queue_unique")
    op.execute("alter table dramatiq.queue drop column unique_key")
