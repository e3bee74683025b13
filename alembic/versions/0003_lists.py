"""Lists of failed and cancelled jobs: what most jobs never become costs nothing to index."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ILL = "state in ('rejected', 'error_resolved', 'cancelled')"


def upgrade() -> None:
    op.execute(
        f"""
        create index queue_ill_tenant on dramatiq.queue (tenant, state, created_at desc, message_id desc)
        where {ILL}
        """
    )
    op.execute(
        f"create index queue_ill on dramatiq.queue (state, created_at desc, message_id desc) where {ILL}"
    )


def downgrade() -> None:
    op.execute("drop index dramatiq.queue_ill")
    op.execute("drop index dramatiq.queue_ill_tenant")
