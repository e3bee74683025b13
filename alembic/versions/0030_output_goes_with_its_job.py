"""The output of a job goes with it as its log does, whichever statement removes the job."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

#: Most jobs say nothing: a look into an empty table is all that their removal costs.
OF = """
  if exists (select from sooner.{table} limit 1) then
    delete from sooner.{table} where job = any(array(select message_id from gone));
  end if;"""

REMOVE = """
create function sooner.{function}() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
begin{statements}
  return null;
end $$;
revoke all on function sooner.{function} from public;
comment on function sooner.{function} is '{comment}';

create trigger queue_{function} after delete on dramatiq.queue
referencing old table as gone for each statement execute function sooner.{function}();
"""

#: In its transaction with the other: no job is removed while there is no trigger.
REPLACED = """
drop trigger queue_{function} on dramatiq.queue;
-- Nobody but its trigger calls it.
-- squawk-ignore ban-drop-function
drop function sooner.{function}();
"""

SAID = "What jobs said, output and log, goes with them."
LOG_LINES = "The log lines of jobs go with them."


def remove(function: str, comment: str, *tables: str) -> None:
    """Make a trigger that removes the rows of these tables with their jobs."""
    statements = "".join(OF.format(table=table) for table in tables)
    op.execute(REMOVE.format(function=function, comment=comment, statements=statements))


def upgrade() -> None:
    # First the lock that is stronger: a lock that grew would deadlock with whoever reads the table and then writes it.
    op.execute(REPLACED.format(function="remove_log_lines"))
    remove("remove_said", SAID, "output", "log_line")


def downgrade() -> None:
    op.execute(REPLACED.format(function="remove_said"))
    remove("remove_log_lines", LOG_LINES, "log_line")
