"""How long runs took, and how many a worker can run at once: what estimates are made of."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

HISTORY = """
create table sooner.actor_history (
  actor text primary key,
  durations real[] not null,
  noted_at timestamptz not null default dramatiq.clock()
) with (fillfactor = 50);
comment on table sooner.actor_history is
  'One row an actor: the seconds that its last runs took, newest first, from all workers.';

alter table sooner.worker add column tasks integer, add column threads integer;
comment on column sooner.worker.tasks is 'How many async actors it runs at once; null: written by older code.';
comment on column sooner.worker.threads is 'How many synchronous actors it runs at once.';
"""


def upgrade() -> None:
    op.execute(HISTORY)


def downgrade() -> None:
    op.execute("alter table sooner.worker drop column tasks, drop column threads")
    op.execute("drop table sooner.actor_history")
