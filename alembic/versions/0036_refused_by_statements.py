"""The statements themselves refuse what people do to jobs of a frozen tenant: a trigger's condition is read anew by each claim and each ending."""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

TRIGGER = """
create trigger queue_refuse_change after update of state, notify on dramatiq.queue for each row
when (old.state <> 'consumed' and new.state <> 'consumed' and new.tenant is not null
  and (old.state <> new.state or old.notify is distinct from new.notify))
execute function sooner.refuse_change();
"""


def upgrade() -> None:
    op.execute("drop trigger queue_refuse_change on dramatiq.queue")


def downgrade() -> None:
    op.execute(TRIGGER)
