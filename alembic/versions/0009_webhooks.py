"""Endpoints that are told of the ends of jobs."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WEBHOOK = """
create table sooner.webhook (
  id uuid primary key,
  tenant text not null,
  url text not null,
  events text[] not null,
  secret text not null,
  created_at timestamptz not null default dramatiq.clock(),
  disabled_at timestamptz,
  constraint events_are_known check
    (events <@ array['job.done', 'job.error', 'job.cancelled'] and cardinality(events) > 0)
);
create index webhook_tenant on sooner.webhook (tenant) where disabled_at is null;
comment on column sooner.webhook.secret is 'Signs what is sent (Standard Webhooks): it has to be known in clear.';
comment on column sooner.webhook.disabled_at is 'When the endpoint said that it is gone (410).';
"""

TELL = """
create function sooner.new_id() returns uuid language sql volatile
return encode(
  set_bit(set_bit(
    overlay(uuid_send(gen_random_uuid())
      placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
    52, 1), 53, 1),
  'hex')::uuid;
comment on function sooner.new_id() is 'A UUIDv7 (RFC 9562, section 5.7).';

create function sooner.tell_webhooks(of_job uuid, of_tenant text, of_state dramatiq.state) returns bigint
language plpgsql volatile as $$
declare
  of_event constant text := case of_state
    when 'done' then 'job.done' when 'rejected' then 'job.error' when 'cancelled' then 'job.cancelled' end;
  told bigint;
begin
  with hook as (
    select sooner.new_id() as delivery, id from sooner.webhook
    where tenant = of_tenant and disabled_at is null and of_event = any(events)
  )
  insert into dramatiq.queue (message_id, queue_name, lane, actor, message, turn)
  select delivery, 'webhooks', 'webhooks', 'deliver_webhook',
    jsonb_build_object(
      'queue_name', 'webhooks', 'actor_name', 'deliver_webhook', 'args', '[]'::jsonb, 'options', '{}'::jsonb,
      'message_id', delivery, 'message_timestamp', (extract(epoch from clock_timestamp()) * 1000)::bigint,
      'kwargs', jsonb_build_object('webhook', id, 'job', of_job, 'event', of_event, 'ended_at', dramatiq.clock())
    ),
    dramatiq.next_turn('webhooks', 1::smallint, null)
  from hook;
  get diagnostics told = row_count;
  if told > 0 then
    perform pg_notify('dramatiq.webhooks.enqueue', '');
  end if;
  return told;
end $$;
comment on function sooner.tell_webhooks(uuid, text, dramatiq.state) is
  'Adds the jobs that deliver the end of a job, within the statement that ends it; called only where its tenant has webhooks.';
"""


def upgrade() -> None:
    op.execute(WEBHOOK)
    op.execute(TELL)


def downgrade() -> None:
    op.execute("drop function sooner.tell_webhooks(uuid, text, dramatiq.state)")
    op.execute("drop function sooner.new_id()")
    op.execute("drop table sooner.webhook")
