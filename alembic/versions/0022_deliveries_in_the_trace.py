"""The delivery of a job's end belongs to the request and the trace of its job."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TELL = """
create or replace function sooner.tell_webhooks(of_job uuid, of_tenant text, of_state dramatiq.state) returns bigint
language plpgsql as $$
declare
  of_event constant text := case of_state
    when 'done' then 'job.done' when 'rejected' then 'job.error' when 'cancelled' then 'job.cancelled' end;
  told bigint;
begin
  with hook as (
    select sooner.new_id() as delivery, id from sooner.webhook
    where tenant = of_tenant and disabled_at is null and of_event = any(events)
  )
  insert into dramatiq.queue (message_id, queue_name, lane, actor, message, turn{columns})
  select delivery, 'webhooks', 'webhooks', 'deliver_webhook',
    jsonb_build_object(
      'queue_name', 'webhooks', 'actor_name', 'deliver_webhook', 'args', '[]'::jsonb, 'options', '{{}}'::jsonb,
      'message_id', delivery, 'message_timestamp', (extract(epoch from clock_timestamp()) * 1000)::bigint,
      'kwargs', jsonb_build_object('webhook', id, 'job', of_job, 'event', of_event, 'ended_at', dramatiq.clock())
    ),
    dramatiq.next_turn('webhooks', 1::smallint, null){values}
  from hook{source};
  get diagnostics told = row_count;
  if told > 0 then
    perform pg_notify('dramatiq.webhooks.enqueue', '');
  end if;
  return told;
end $$;
"""


def upgrade() -> None:
    op.execute(
        TELL.format(
            columns=", request_id, traceparent",
            values=", ended.request_id, ended.traceparent",
            source=" cross join (select request_id, traceparent from dramatiq.queue where message_id = of_job) as ended",
        )
    )


def downgrade() -> None:
    op.execute(TELL.format(columns="", values="", source=""))
