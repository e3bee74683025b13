"""What the code of jobs logs, for operators."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

LINES = """
create table sooner.log_line (
  job uuid not null,
  number bigint not null,
  attempt bigint not null,
  at timestamptz not null,
  level text not null,
  logger text not null,
  message text not null,
  fields jsonb,
  primary key (job, number)
);
comment on table sooner.log_line is
  'What the code of jobs logged and printed, for operators alone. No foreign key: it would lock the job''s row for each line.';
comment on column sooner.log_line.number is 'It rises with each line of the job: the fence of its attempt, and its place in it.';
comment on column sooner.log_line.fields is 'What was said beside the message, an exception with its traceback included.';

create function sooner.remove_log_lines() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
begin
  if exists (select from sooner.log_line limit 1) then
    delete from sooner.log_line where job = any(array(select message_id from gone));
  end if;
  return null;
end $$;
revoke all on function sooner.remove_log_lines from public;
comment on function sooner.remove_log_lines is 'The log lines of jobs go with them.';

create trigger queue_remove_log_lines after delete on dramatiq.queue
referencing old table as gone for each statement execute function sooner.remove_log_lines();
"""


def upgrade() -> None:
    op.execute(LINES)


def downgrade() -> None:
    op.execute("drop trigger queue_remove_log_lines on dramatiq.queue")
    op.execute("drop function sooner.remove_log_lines()")
    op.execute("drop table sooner.log_line")
