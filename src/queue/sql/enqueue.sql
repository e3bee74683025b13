-- name: enqueue
-- Adds jobs, as many as callers share this statement; a row is what dramatiq-pg's broker.enqueue writes, widened.
with added as (
  insert into dramatiq.queue
    (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent,
     run_at, due_at, cancel_at, expires_at, idempotency_key, fingerprint)
  select
    job.message_id, job.queue_name, job.lane, job.actor, job.message, job.tenant, job.priority,
    job.request_id, job.traceparent, due.at, due.at,
    dramatiq.clock() + job.cancel_after * interval '1 second',
    coalesce(due.at, dramatiq.clock()) + job.retention * interval '1 second',
    job.idempotency_key, job.fingerprint
  from unnest(
    :message_id::uuid[], :queue_name::text[], :lane::text[], :actor::text[], :message::jsonb[], :tenant::text[],
    :priority::smallint[], :request_id::text[], :traceparent::text[], :run_at::timestamptz[],
    :delay::double precision[], :cancel_after::double precision[], :retention::double precision[],
    :idempotency_key::text[], :fingerprint::bytea[]
  ) as job (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent,
            run_at, delay, cancel_after, retention, idempotency_key, fingerprint)
  cross join lateral (
    select case
      when coalesce(job.run_at, dramatiq.clock() + job.delay * interval '1 second') > dramatiq.clock()
      then coalesce(job.run_at, dramatiq.clock() + job.delay * interval '1 second')
    end as at
  ) as due
  on conflict do nothing
  returning message_id, lane, due_at, created_at, expires_at
), woken as (
  select pg_notify('dramatiq.' || lane || '.enqueue', '') from added where due_at is null group by lane
), postponed as (
  select pg_notify('sooner.postponed', '') where exists (select from added where due_at is not null)
)
select message_id, due_at, created_at, expires_at,
  (select count(*) from woken) + (select count(*) from postponed) as notified
from added;

-- name: added
-- Reads back rows of an INSERT whose answer was lost.
select message_id, due_at, created_at, expires_at from dramatiq.queue where message_id = any(:ids::uuid[]);
