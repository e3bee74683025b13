"""What became of a job's earlier attempts."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

HISTORY = """
alter table dramatiq.queue add column history jsonb;
comment on column dramatiq.queue.history is
  'The attempts before the latest one, the last twenty of them; null for most jobs, which need one.';

create function dramatiq.remembered(job dramatiq.queue, outcome text, error jsonb) returns jsonb
language sql stable
return (
  select jsonb_agg(past order by place)
  from (
    select past, place
    from jsonb_array_elements(
      coalesce(job.history, '[]') || jsonb_build_object(
        'attempt', job.attempts, 'outcome', outcome, 'started_at', job.started_at,
        'ended_at', coalesce(job.finished_at, dramatiq.clock()), 'worker', job.worker, 'error', error
      )
    ) with ordinality as attempt (past, place)
    order by place desc limit 20
  ) as kept
);
comment on function dramatiq.remembered is 'The history of a job that is to be tried again, its attempt until now included.';
"""


def upgrade() -> None:
    op.execute(HISTORY)


def downgrade() -> None:
    op.execute("drop function dramatiq.remembered")
    op.execute("alter table dramatiq.queue drop column history")
