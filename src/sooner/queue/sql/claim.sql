-- name: claim
-- Takes up to :batch due jobs of one lane for one worker: by priority, then round robin between tenants, then age.
with candidate as (
  select ctid
  from dramatiq.queue
  where lane = :lane and state = 'queued' and due_at is null and actor = any(:actors::text[])
    and exists (select from sooner.worker where id = :worker)
    and not exists (select from sooner.queue where name = :queue and paused)
  order by priority, turn, message_id
  limit :batch
  for update skip locked
)
update dramatiq.queue
set state = 'consumed', worker = :worker,
  -- By the clock: a claim that a crash or a failover took back never shares its number with the next one.
  fence = greatest(fence + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint),
  attempts = attempts + 1, version = version + 1,
  started_at = dramatiq.clock(), mtime = dramatiq.clock(), progress = null
where ctid = any(array(select ctid from candidate))
returning message_id, queue_name, actor, message::text as message, sealed::text as sealed, tenant, priority, turn, created_at, request_id,
  traceparent, attempts, crashes, fence,
  extract(epoch from dramatiq.clock() - coalesce(run_at, created_at))::double precision as age;

-- name: claim_since
-- The same, from a given round on for each priority: the walk skips jobs that were claimed in earlier rounds.
with line as (
  select (number - 1)::smallint as priority, since
  from unnest(:since::bigint[]) with ordinality as line (since, number)
  where exists (select from sooner.worker where id = :worker)
    and not exists (select from sooner.queue where name = :queue and paused)
), candidate as (
  select first.ctid
  from line cross join lateral (
    select ctid from dramatiq.queue
    where lane = :lane and state = 'queued' and due_at is null and priority = line.priority and turn >= line.since
      and actor = any(:actors::text[])
    order by priority, turn, message_id
    limit :batch
    for update skip locked
  ) as first
  limit :batch
)
update dramatiq.queue
set state = 'consumed', worker = :worker,
  -- By the clock: a claim that a crash or a failover took back never shares its number with the next one.
  fence = greatest(fence + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint),
  attempts = attempts + 1, version = version + 1,
  started_at = dramatiq.clock(), mtime = dramatiq.clock(), progress = null
where ctid = any(array(select ctid from candidate))
returning message_id, queue_name, actor, message::text as message, sealed::text as sealed, tenant, priority, turn, created_at, request_id,
  traceparent, attempts, crashes, fence,
  extract(epoch from dramatiq.clock() - coalesce(run_at, created_at))::double precision as age;

-- name: claim_aged
-- Takes up to :batch jobs of lower priorities whose first job has waited a minute: age prevents starvation.
with line as (
  select priority from (values (2::smallint), (1::smallint)) as lower (priority)
  where exists (select from sooner.worker where id = :worker)
    and not exists (select from sooner.queue where name = :queue and paused)
    and (
      select greatest(created_at, run_at) from dramatiq.queue
      where lane = :lane and state = 'queued' and due_at is null and priority = lower.priority
      order by priority, turn, message_id limit 1
    ) < dramatiq.clock() - interval '1 minute'
), candidate as (
  select first.ctid
  from line cross join lateral (
    select ctid from dramatiq.queue
    where lane = :lane and state = 'queued' and due_at is null and priority = line.priority
      and actor = any(:actors::text[])
    order by priority, turn, message_id
    limit :batch
    for update skip locked
  ) as first
  limit :batch
)
update dramatiq.queue
set state = 'consumed', worker = :worker,
  fence = greatest(fence + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint),
  attempts = attempts + 1, version = version + 1,
  started_at = dramatiq.clock(), mtime = dramatiq.clock(), progress = null
where ctid = any(array(select ctid from candidate))
returning message_id, queue_name, actor, message::text as message, sealed::text as sealed, tenant, priority, turn, created_at, request_id,
  traceparent, attempts, crashes, fence,
  extract(epoch from dramatiq.clock() - coalesce(run_at, created_at))::double precision as age;

-- name: limited_keys
-- The next 50 limit keys of a lane's waiting jobs, by a walk over the index that touches one entry a key.
with recursive key as (
  (select limit_key from dramatiq.queue
   where lane = :lane and state = 'queued' and due_at is null and limit_key > :after
   order by limit_key limit 1)
  union all
  select (
    select limit_key from dramatiq.queue
    where lane = :lane and state = 'queued' and due_at is null and limit_key > key.limit_key
    order by limit_key limit 1
  )
  from key where key.limit_key is not null
)
select coalesce(array_agg(limit_key), '{}') as keys
from (select limit_key from key where limit_key is not null limit 50) as next;

-- name: claim_limited
-- Takes up to :batch due jobs of a limited lane: under each key as many as its limit still allows.
with open as (
  select key,
    least(
      most - running,
      floor(burst - greatest(0, extract(epoch from next_at - dramatiq.clock()) / interval_seconds))::integer
    ) as room
  from sooner."limit"
  where key = any(:keys::text[])
    and exists (select from sooner.worker where id = :worker)
    and not exists (select from sooner.queue where name = :queue and paused)
  order by key
  for update skip locked
), candidate as (
  select first.ctid
  from open cross join lateral (
    select ctid from dramatiq.queue
    where lane = :lane and state = 'queued' and due_at is null and limit_key = open.key
      and actor = any(:actors::text[])
    order by priority, turn, message_id
    limit greatest(0, least(open.room, :batch))
    for update skip locked
  ) as first
  limit :batch
)
update dramatiq.queue
set state = 'consumed', worker = :worker,
  fence = greatest(fence + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint),
  attempts = attempts + 1, version = version + 1,
  started_at = dramatiq.clock(), mtime = dramatiq.clock(), progress = null
where ctid = any(array(select ctid from candidate))
returning message_id, queue_name, actor, message::text as message, sealed::text as sealed, tenant, priority, turn, created_at, request_id,
  traceparent, attempts, crashes, fence,
  extract(epoch from dramatiq.clock() - coalesce(run_at, created_at))::double precision as age;

-- name: unknown
-- The jobs that a worker holds without knowing, because the answer to its claim was lost with the connection.
select message_id, queue_name, actor, message::text as message, sealed::text as sealed, tenant, priority, turn, created_at, request_id,
  traceparent, attempts, crashes, fence,
  extract(epoch from dramatiq.clock() - coalesce(run_at, created_at))::double precision as age
from dramatiq.queue
where state = 'consumed' and worker = :worker and message_id <> all(:known::uuid[])
limit :batch;

-- name: promote
-- Makes due postponed jobs claimable; the row has the seconds until the next one is due.
with ripe as (
  select message_id, lane, priority, tenant, due_at
  from dramatiq.queue
  where state = 'queued' and due_at <= dramatiq.clock()
  order by due_at
  limit 1000
  for update skip locked
), line as (
  select lane, priority, tenant, dramatiq.next_turn(lane, priority, tenant) as turn
  from (select distinct lane, priority, tenant from ripe) as lines
), numbered as (
  select ripe.message_id, line.turn - 1
    + row_number() over (partition by ripe.lane, ripe.priority, ripe.tenant order by ripe.due_at) as turn
  from ripe join line on line.lane = ripe.lane and line.priority = ripe.priority
    and line.tenant is not distinct from ripe.tenant
), promoted as (
  update dramatiq.queue as job
  set due_at = null, turn = coalesce(job.turn, numbered.turn)
  from numbered
  where job.message_id = numbered.message_id
  returning job.lane
), woken as (
  select pg_notify('dramatiq.' || lane || '.enqueue', 'back') from promoted group by lane
)
select
  (select count(*) from promoted) as promoted,
  (select count(*) from woken) as woken,
  (select extract(epoch from min(due_at) - dramatiq.clock())::double precision from (
    select due_at from dramatiq.queue where state = 'queued' and due_at > dramatiq.clock() order by due_at limit 1
  ) as next) as next_in;
