"""How many postponed jobs a tenant has: they count towards its limit, and jobs that are due cost nothing more."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "create index queue_postponed_tenant on dramatiq.queue (tenant) "
        "where state = 'queued' and due_at is not null"
    )


def downgrade() -> None:
    op.execute("drop index dramatiq.queue_postponed_tenant")
