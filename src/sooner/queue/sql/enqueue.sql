-- name: enqueue
-- Adds jobs, as many as callers share this statement; a row is what dramatiq-pg's broker.enqueue writes, widened.
-- A job whose id or key exists already is not added.
with flow as materialized (
  select number, round, coalesce(
    (select queue.turn + 1 from dramatiq.queue
     where queue.state = 'queued' and queue.due_at is null and queue.lane = flow.lane
       and queue.priority = flow.priority and coalesce(queue.tenant, '') = coalesce(flow.tenant, '')
       and queue.turn >= round
     order by queue.turn desc limit 1),
    round
  ) as turn
  from unnest(:flow_lane::text[], :flow_priority::smallint[], :flow_tenant::text[], :flow_since::bigint[])
    with ordinality as flow (lane, priority, tenant, since, number)
  -- The current round, or the time where no job waits.
  cross join lateral (
    select coalesce(
      (select queue.turn from dramatiq.queue
       where queue.state = 'queued' and queue.due_at is null and queue.lane = flow.lane
         and queue.priority = flow.priority and queue.turn >= flow.since
       order by queue.priority, queue.turn, queue.message_id limit 1),
      (extract(epoch from clock_timestamp()) * 1000000)::bigint
    )
    offset 0
  ) as known (round)
), kind as materialized (
  select number, flow, queue_name, lane, actor, tenant, priority, retention * interval '1 second' as retention
  from unnest(:queue_name::text[], :lane::text[], :actor::text[], :tenant::text[], :priority::smallint[],
      :retention::double precision[], :flow::integer[])
    with ordinality as kind (queue_name, lane, actor, tenant, priority, retention, flow, number)
), added as (
  insert into dramatiq.queue
    (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent, run_at, due_at,
     cancel_at, expires_at, idempotency_key, fingerprint, limit_key, unique_key, sealed, parent, turn)
  select
    job.message_id, kind.queue_name, kind.lane, kind.actor, job.message, kind.tenant, kind.priority,
    job.request_id, job.traceparent, due.due_at, due.due_at,
    dramatiq.clock() + job.cancel_after * interval '1 second',
    coalesce(due.due_at, dramatiq.clock()) + kind.retention,
    job.idempotency_key, job.fingerprint, job.limit_key, job.unique_key, job.sealed, job.parent,
    case when due.due_at is null then flow.turn + job.place end
  -- A column that every job fills comes as one text. Shorter arrays are filled up with nulls.
  from unnest(
    string_to_array(:message_id, chr(30))::uuid[], string_to_array(:message, chr(30))::jsonb[],
    string_to_array(:request_id, chr(30), ''), string_to_array(:traceparent, chr(30), ''),
    :kind::integer[], :place::integer[], :run_at::timestamptz[], :delay::double precision[],
    :cancel_after::double precision[], :idempotency_key::text[], :fingerprint::bytea[], :limit_key::text[],
    :unique_key::text[], :sealed::jsonb[], :parent::uuid[]
  ) as job (message_id, message, request_id, traceparent, kind, place, run_at, delay, cancel_after,
      idempotency_key, fingerprint, limit_key, unique_key, sealed, parent)
  join kind on kind.number = job.kind
  join flow on flow.number = kind.flow
  cross join lateral (
    select coalesce(job.run_at, dramatiq.clock() + job.delay * interval '1 second')
  ) as start (starts)
  cross join lateral (
    select case when starts > dramatiq.clock() then starts end
  ) as due (due_at)
  on conflict do nothing
  returning message_id, lane, due_at
)
-- One row for all jobs, with the values that they share; it lists the added jobs only where not all were added.
select dramatiq.clock() as created_at,
  (select array_agg(round order by number) from flow) as rounds,
  (select array_agg(turn order by number) from flow) as turns,
  case when count(*) < :count::integer then coalesce(array_agg(message_id), '{}') end as added,
  array_agg(message_id) filter (where due_at is not null) as postponed,
  array_agg(due_at) filter (where due_at is not null) as due_at,
  (select count(pg_notify(channel, '')) from (
    select distinct case when due_at is null then 'dramatiq.' || lane || '.enqueue' else 'sooner.postponed' end
    from added
  ) as told (channel)) as notified
from added;

-- name: enqueue_alike
-- The same for new jobs of one kind without optional columns, as most are: a fifth less work in a batch of 32.
-- None of the jobs may exist already: second tries use `enqueue`.
with flow as materialized (
  select round, coalesce(
    (select queue.turn + 1 from dramatiq.queue
     where queue.state = 'queued' and queue.due_at is null and queue.lane = :lane::text
       and queue.priority = :priority::smallint and coalesce(queue.tenant, '') = coalesce(:tenant::text, '')
       and queue.turn >= round
     order by queue.turn desc limit 1),
    round
  ) as turn
  from (
    select coalesce(
      (select queue.turn from dramatiq.queue
       where queue.state = 'queued' and queue.due_at is null and queue.lane = :lane
         and queue.priority = :priority and queue.turn >= :since::bigint
       order by queue.priority, queue.turn, queue.message_id limit 1),
      (extract(epoch from clock_timestamp()) * 1000000)::bigint
    )
    offset 0
  ) as known (round)
), added as (
  insert into dramatiq.queue
    (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent, expires_at, turn)
  select
    job.message_id, :queue_name::text, :lane, :actor::text, job.message, :tenant, :priority,
    job.request_id, job.traceparent, dramatiq.clock() + :retention::double precision * interval '1 second',
    flow.turn + job.number - 1
  from flow cross join unnest(
    string_to_array(:message_id, chr(30))::uuid[], string_to_array(:message, chr(30))::jsonb[],
    string_to_array(:request_id, chr(30), ''), string_to_array(:traceparent, chr(30), '')
  ) with ordinality as job (message_id, message, request_id, traceparent, number)
)
select dramatiq.clock() as created_at, array[round] as rounds, array[turn] as turns,
  null::uuid[] as added, null::uuid[] as postponed, null::timestamptz[] as due_at,
  pg_notify('dramatiq.' || :lane || '.enqueue', '') as notified
from flow;

-- name: enqueue_one
-- Adds a job that code submits, by the function that `sooner.submit` calls too; the row has its id, or the id of the job that holds its key.
select sooner.enqueue(
  :id, :queue, :lane, :actor, :message, :tenant, :priority::smallint, :request_id, :traceparent, :parent,
  dramatiq.clock() + :delay::double precision * interval '1 second', null, :retention, null, :limit_key, :unique_key, null, ''
)::text as id;

-- name: outcome
-- The result and error of a final job.
select result::text, error::text from dramatiq.queue where message_id = :id::uuid and finished_at is not null;

-- name: limits
-- Writes the limits of keys.
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
-- Reads the rows of an INSERT whose answer was lost.
select message_id, created_at, due_at, expires_at, turn from dramatiq.queue where message_id = any(:ids::uuid[]);

-- name: twins
-- The jobs that hold these unique keys.
select message_id, unique_key from dramatiq.queue
where unique_key = any(:unique_key::text[]) and state in ('queued', 'consumed');

-- name: holders
-- The jobs that hold these idempotency keys; this frees a key of an expired job, or one used more than a day ago.
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
