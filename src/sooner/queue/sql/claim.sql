-- name: limited_keys
-- The next 50 limit keys of a lane's waiting jobs, by a walk over the index that touches one entry a key; the keys of
-- the 20 jobs of each priority that come first; and which of both have no limit.
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
), next as materialized (
  select limit_key from key where limit_key is not null limit 50
), first as materialized (
  select distinct limit_key
  from (values (0::smallint), (1::smallint), (2::smallint)) as urgency (priority)
  cross join lateral (
    select limit_key from dramatiq.queue
    where lane = :lane and state = 'queued' and due_at is null and priority = urgency.priority
    order by priority, turn, message_id limit 20
  ) as job
  where limit_key is not null
)
select
  (select coalesce(array_agg(limit_key), '{}') from next) as keys,
  (select coalesce(array_agg(limit_key), '{}') from first) as first_keys,
  (select coalesce(array_agg(limit_key), '{}')
   from (select limit_key from next union select limit_key from first) as seen
   -- One look-up for each, whatever the number of limits.
   where (select key from sooner."limit" where key = limit_key) is null) as missing;

-- name: promote
-- Makes due postponed jobs claimable; the row has the seconds until the next one is due.
with ripe as (
  select message_id, lane, priority, tenant, due_at
  from dramatiq.queue
  where state = 'queued' and due_at <= dramatiq.clock() and {{stays}}
  order by due_at
  limit 1000
  for update skip locked
), flow as (
  select lane, priority, tenant, dramatiq.next_turn(lane, priority, tenant) as turn
  from (select distinct lane, priority, tenant from ripe) as flows
), numbered as (
  select ripe.message_id, flow.turn - 1
    + row_number() over (partition by ripe.lane, ripe.priority, ripe.tenant order by ripe.due_at) as turn
  from ripe join flow on flow.lane = ripe.lane and flow.priority = ripe.priority
    and flow.tenant is not distinct from ripe.tenant
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

-- name: to_stop
-- The jobs held here that were cancelled, to make up for lost notifications.
select message_id from dramatiq.queue
where message_id = any(:ids::uuid[]) and state = 'consumed' and cancel_requested;
