"""The deliveries of one webhook are found without a look at other jobs."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists dramatiq.queue_delivery")
        op.execute("""
            create index concurrently queue_delivery
            on dramatiq.queue ((message->'kwargs'->>'webhook'), created_at desc, message_id desc)
            where actor in ('deliver_webhook', 'try_webhook')
        """)


def downgrade() -> None:
    op.execute("drop index dramatiq.queue_delivery")
