"""Jobs that run are in no list's index, so that a claim writes to neither: lists join them from the index of what runs."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

LISTS = {
    "queue_tenant": "tenant, created_at desc, message_id desc",
    "queue_created": "created_at desc, message_id desc",
}


def upgrade() -> None:
    _replace("where state <> 'consumed'")


def downgrade() -> None:
    _replace("")


def _replace(predicate: str) -> None:
    for name, columns in LISTS.items():
        op.execute(f"drop index dramatiq.{name}")
        op.execute(f"create index {name} on dramatiq.queue ({columns}) {predicate}")
