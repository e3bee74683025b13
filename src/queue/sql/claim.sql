-- name: claim
-- Takes up to :batch due jobs of one lane for one worker, by priority, then age.
with candidate as (
  select ctid
  from dramatiq.queue
  where lane = :lane and state = 'queued' and due_at is null and actor = any(:actors::text[])
    and exists (select from sooner.worker where id = :worker)
    and not exists (select from sooner.queue where name = :queue and paused)
  order by priority, created_at, message_id
  limit :batch
  for update skip locked
)
update dramatiq.queue
set state = 'consumed', worker = :worker, fence = fence + 1, attempts = attempts + 1, version = version + 1,
  started_at = dramatiq.clock(), mtime = dramatiq.clock(), progress = null
where ctid = any(array(select ctid from candidate))
returning message_id, queue_name, actor, message::text as message, tenant, priority, created_at, request_id,
  traceparent, attempts, crashes, fence;

-- name: promote
-- Makes postponed jobs whose time has come claimable; answers when the next one is due, in seconds.
with ripe as (
  select ctid
  from dramatiq.queue
  where state = 'queued' and due_at <= dramatiq.clock()
  order by due_at
  limit 1000
  for update skip locked
), promoted as (
  update dramatiq.queue set due_at = null
  where ctid = any(array(select ctid from ripe))
  returning lane
), woken as (
  select pg_notify('dramatiq.' || lane || '.enqueue', '') from promoted group by lane
)
select
  (select count(*) from promoted) as promoted,
  (select count(*) from woken) as woken,
  (select extract(epoch from min(due_at) - dramatiq.clock())::double precision from (
    select due_at from dramatiq.queue where state = 'queued' and due_at > dramatiq.clock() order by due_at limit 1
  ) as next) as next_in;
