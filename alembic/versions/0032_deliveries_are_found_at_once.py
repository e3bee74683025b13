"""Deliveries take a turn of before, so workers are told to look for older rounds as well."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

MAIL = """
create or replace function sooner.mail_end() returns trigger language plpgsql as $$
declare
  said constant text := case new.state when 'rejected' then 'error' else new.state::text end;
begin
  insert into dramatiq.queue (message_id, queue_name, lane, actor, message, turn, request_id, traceparent)
  select delivery, 'mail', 'mail', 'deliver_mail',
    jsonb_build_object(
      'queue_name', 'mail', 'actor_name', 'deliver_mail', 'args', '[]'::jsonb, 'options', '{{}}'::jsonb,
      'message_id', delivery, 'message_timestamp', (extract(epoch from clock_timestamp()) * 1000)::bigint,
      'kwargs', notice || jsonb_build_object(
        'job', new.message_id, 'actor', new.actor, 'state', said, 'title', new.error->>'title', 'ended_at', new.finished_at)
    ),
    dramatiq.next_turn('mail', 1::smallint, null), new.request_id, new.traceparent
  from (select sooner.new_id() as delivery, notice from jsonb_array_elements(new.notify) as notice) as wanted;
  perform pg_notify('dramatiq.mail.enqueue', '{word}');
  return null;
end $$;
"""

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
  insert into dramatiq.queue (message_id, queue_name, lane, actor, message, turn, request_id, traceparent)
  select delivery, 'webhooks', 'webhooks', 'deliver_webhook',
    jsonb_build_object(
      'queue_name', 'webhooks', 'actor_name', 'deliver_webhook', 'args', '[]'::jsonb, 'options', '{{}}'::jsonb,
      'message_id', delivery, 'message_timestamp', (extract(epoch from clock_timestamp()) * 1000)::bigint,
      'kwargs', jsonb_build_object('webhook', id, 'job', of_job, 'event', of_event, 'ended_at', dramatiq.clock())
    ),
    dramatiq.next_turn('webhooks', 1::smallint, null), ended.request_id, ended.traceparent
  from hook cross join (select request_id, traceparent from dramatiq.queue where message_id = of_job) as ended;
  get diagnostics told = row_count;
  if told > 0 then
    perform pg_notify('dramatiq.webhooks.enqueue', '{word}');
  end if;
  return told;
end $$;
"""


def upgrade() -> None:
    for part in (MAIL, TELL):
        op.execute(part.format(word="back"))


def downgrade() -> None:
    for part in (MAIL, TELL):
        op.execute(part.format(word=""))
