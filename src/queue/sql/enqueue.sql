-- name: enqueue
-- Adds jobs, as many as callers share this statement; a row is what dramatiq-pg's broker.enqueue writes, widened.
with job as (
  select *, case when starts > dramatiq.clock() then starts end as due_at
  from unnest(
    :message_id::uuid[], :queue_name::text[], :lane::text[], :actor::text[], :message::jsonb[], :tenant::text[],
    :priority::smallint[], :request_id::text[], :traceparent::text[], :run_at::timestamptz[],
    :delay::double precision[], :cancel_after::double precision[], :retention::double precision[],
    :idempotency_key::text[], :fingerprint::bytea[], :limit_key::text[], :unique_key::text[],
    :sealed::jsonb[]
  ) with ordinality as job (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent,
      run_at, delay, cancel_after, retention, idempotency_key, fingerprint, limit_key, unique_key, sealed, number)
  cross join lateral (
    select coalesce(job.run_at, dramatiq.clock() + job.delay * interval '1 second')
  ) as start (starts)
), line as (
  select lane, priority, tenant, dramatiq.next_turn(lane, priority, tenant) as turn
  from (select distinct lane, priority, tenant from job where due_at is null) as lines
), added as (
  insert into dramatiq.queue
    (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent, run_at, due_at,
     cancel_at, expires_at, idempotency_key, fingerprint, limit_key, unique_key, sealed, turn)
  select
    job.message_id, job.queue_name, job.lane, job.actor, job.message, job.tenant, job.priority,
    job.request_id, job.traceparent, job.due_at, job.due_at,
    dramatiq.clock() + job.cancel_after * interval '1 second',
    coalesce(job.due_at, dramatiq.clock()) + job.retention * interval '1 second',
    job.idempotency_key, job.fingerprint, job.limit_key, job.unique_key, job.sealed,
    line.turn - 1 + row_number() over (partition by job.lane, job.priority, job.tenant order by job.number)
  from job left join line on job.due_at is null
    and line.lane = job.lane and line.priority = job.priority and line.tenant is not distinct from job.tenant
  on conflict do nothing
  returning message_id, lane, turn, due_at, created_at, expires_at
), woken as (
  select pg_notify('dramatiq.' || lane || '.enqueue', '') from added where due_at is null group by lane
), postponed as (
  select pg_notify('sooner.postponed', '') where exists (select from added where due_at is not null)
)
select message_id, turn, due_at, created_at, expires_at,
  (select count(*) from woken) + (select count(*) from postponed) as notified
from added;

-- name: limits
-- Makes known how much may run under the keys of jobs to come.
insert into sooner."limit" (key, most, interval_seconds, burst)
select distinct on (key) key, most, interval_seconds, burst
from unnest(:key::text[], :most::integer[], :interval_seconds::double precision[], :burst::integer[])
  as said (key, most, interval_seconds, burst)
order by key
on conflict (key) do update
set most = excluded.most, interval_seconds = excluded.interval_seconds, burst = excluded.burst
where ("limit".most, "limit".interval_seconds, "limit".burst)
  is distinct from (excluded.most, excluded.interval_seconds, excluded.burst)
returning key;

-- name: added
-- Reads back rows of an INSERT whose answer was lost.
select message_id, turn, due_at, created_at, expires_at from dramatiq.queue where message_id = any(:ids::uuid[]);

-- name: twins
-- Which jobs wait or run under these keys, of which there may be one at a time.
select message_id, unique_key from dramatiq.queue
where unique_key = any(:unique_key::text[]) and state in ('queued', 'consumed');

-- name: holders
-- Which jobs hold these idempotency keys; a key used more than a day ago, or for a job that has expired, comes free.
with holder as (
  select job.message_id, job.tenant, job.actor, job.idempotency_key, job.fingerprint,
    job.created_at <= dramatiq.clock() - interval '24 hours'
      or (job.finished_at is not null and job.expires_at <= dramatiq.clock()) as is_over
  from unnest(:tenant::text[], :actor::text[], :idempotency_key::text[]) as wanted (tenant, actor, idempotency_key)
  join dramatiq.queue as job
    on job.tenant = wanted.tenant and job.actor = wanted.actor and job.idempotency_key = wanted.idempotency_key
), freed as (
  update dramatiq.queue as job set idempotency_key = null
  from (select distinct message_id from holder where is_over) as over
  where job.message_id = over.message_id
)
select distinct message_id, tenant, actor, idempotency_key, fingerprint from holder where not is_over;
