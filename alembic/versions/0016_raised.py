"""What an attempt raised, its exception and traceback, for operators: of the latest one in a column, of earlier ones in the history."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# A function beside the one of three parameters, which code from before this revision goes on to call.
RAISED = """
alter table dramatiq.queue add column raised jsonb;
comment on column dramatiq.queue.raised is
  'What the latest attempt raised, for operators alone: {"exception", "traceback"}, texts of bounded length.';

create function dramatiq.remembered(job dramatiq.queue, outcome text, error jsonb, raised jsonb) returns jsonb
language sql stable
return (
  select jsonb_agg(past order by place)
  from (
    select past, place
    from jsonb_array_elements(
      coalesce(job.history, '[]') || jsonb_build_object(
        'attempt', job.attempts, 'outcome', outcome, 'started_at', job.started_at,
        'ended_at', coalesce(job.finished_at, dramatiq.clock()), 'worker', job.worker, 'error', error, 'raised', raised
      )
    ) with ordinality as attempt (past, place)
    order by place desc limit 20
  ) as kept
);
comment on function dramatiq.remembered(dramatiq.queue, text, jsonb, jsonb) is
  'The history of a job that is to be tried again, its attempt until now included.';
"""


def upgrade() -> None:
    op.execute(RAISED)


def downgrade() -> None:
    op.execute("drop function dramatiq.remembered(dramatiq.queue, text, jsonb, jsonb)")
    op.execute("alter table dramatiq.queue drop column raised")
