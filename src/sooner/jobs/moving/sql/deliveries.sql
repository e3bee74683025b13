-- Deliveries of webhooks and mails have no tenant, so that no freeze keeps them from being claimed: one that is to move is
-- postponed to another millennium, by which it is known, and comes back from there.

-- part: deliveries
-- The waiting deliveries of a tenant: to its webhooks, and of mails about its jobs.
select message_id from dramatiq.queue
  where actor in ('deliver_webhook', 'try_webhook') and state = 'queued'
    and message->'kwargs'->>'webhook' = any(array(select id::text from sooner.webhook where tenant = :tenant::text))
  union all
  select mail.message_id
  from (
    select message_id, message from dramatiq.queue
    where state = 'queued' and due_at is null and lane = any(:mail_lanes::text[]) and actor = 'deliver_mail'
    union all
    select message_id, message from dramatiq.queue where state = 'queued' and due_at is not null and actor = 'deliver_mail'
  ) as mail
  join dramatiq.queue as job
    on job.message_id = case when mail.message->'kwargs'->>'job' ~ '^[0-9a-f-]{36}$'
      then (mail.message->'kwargs'->>'job')::uuid end
  where job.tenant = :tenant::text

-- part: far
-- The millennium begins; one that was due, or would have been before the move is over, is due then.
'3000-01-01 00:00:00+00'::timestamptz

-- part: away
-- A thousand years later, in hours of which all have the same length.
interval '8765808 hours'

-- name: hold
-- Postpones the deliveries that could be claimed before then; one that is being claimed is left alone.
with those as (
  select message_id from dramatiq.queue
  where message_id in ({{deliveries}}) and (due_at is null or due_at < :until)
  for update skip locked
)
update dramatiq.queue as job set due_at = :until from those where job.message_id = those.message_id;

-- name: held
-- The deliveries that cannot be claimed before then.
select message_id from dramatiq.queue where message_id in ({{deliveries}}) and due_at >= :until;

-- name: park
-- Postpones deliveries that still wait to the other millennium; the rows are those.
update dramatiq.queue
set due_at = case when due_at is null or due_at <= :until then {{far}} else due_at + {{away}} end
where message_id = any(:ids::uuid[]) and state = 'queued' and (due_at is null or due_at < {{far}})
returning message_id;

-- name: park_arrived
-- The same for those that have arrived and are not in the table yet.
update moving_queue
set due_at = case when due_at is null or due_at <= :until then {{far}} else due_at + {{away}} end
where due_at is null or due_at < {{far}};

-- name: park_all
-- Postpones all waiting deliveries to the other millennium; one that is being claimed is left alone.
with those as (
  select message_id from dramatiq.queue
  where message_id in ({{deliveries}}) and (due_at is null or due_at < {{far}})
  for update skip locked
)
update dramatiq.queue as job
set due_at = case when job.due_at is null or job.due_at <= dramatiq.clock() then {{far}} else job.due_at + {{away}} end
from those where job.message_id = those.message_id;

-- name: parked
-- The deliveries that are in the other millennium.
select message_id from dramatiq.queue where message_id in ({{deliveries}}) and due_at >= {{far}};

-- name: unpark
-- Brings them back, and tells workers.
with back as (
  update dramatiq.queue
  set due_at = case when due_at = {{far}} then dramatiq.clock() else due_at - {{away}} end
  where message_id in ({{deliveries}}) and due_at >= {{far}}
  returning message_id
)
select pg_notify('sooner.postponed', '') from back limit 1;

-- name: remove_parked
-- Removes them.
delete from dramatiq.queue where message_id in ({{deliveries}}) and due_at >= {{far}};

-- name: ended
-- The next deliveries to the tenant's webhooks that have ended.
select message_id from dramatiq.queue
where actor in ('deliver_webhook', 'try_webhook') and state not in ('queued', 'consumed')
  and message->'kwargs'->>'webhook' = any(array(select id::text from sooner.webhook where tenant = :tenant::text))
limit :batch;

-- name: running
-- Whether deliveries of the tenant are under way.
select exists (
  select from dramatiq.queue
  where state = 'consumed' and (
    actor in ('deliver_webhook', 'try_webhook')
      and message->'kwargs'->>'webhook' = any(array(select id::text from sooner.webhook where tenant = :tenant::text))
    or actor = 'deliver_mail' and exists (
      select from dramatiq.queue as job
      where job.tenant = :tenant::text and job.message_id = case when queue.message->'kwargs'->>'job' ~ '^[0-9a-f-]{36}$'
        then (queue.message->'kwargs'->>'job')::uuid end
    )
  )
) as are_running;
