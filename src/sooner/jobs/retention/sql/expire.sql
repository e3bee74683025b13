-- name: uploads
-- Removes expired uploads, also unfinished ones, with their pieces.
with expired as (
  select id from sooner.upload where expires_at <= dramatiq.clock() limit :batch for update skip locked
), removed as (
  delete from sooner.upload where id in (select id from expired) returning id
)
select count(*) as removed from removed;

-- name: files
-- Removes files of removed jobs, with their pieces, the oldest first: jobs go in this order, so orphans are found at once.
with orphan as (
  select id from sooner.file
  where not exists (select from dramatiq.queue where message_id = file.job)
  order by id
  limit :batch
  for update skip locked
), removed as (
  delete from sooner.file where id in (select id from orphan) returning id
)
select count(*) as removed from removed;

-- name: ticks
-- Removes old ticks; their schedules remember that they are past, in case a clock steps back behind them.
with old as (
  select ctid, schedule, tick from sooner.tick
  where fired_at <= dramatiq.clock() - :kept * interval '1 second' and tick <= dramatiq.clock()
  order by fired_at
  limit :batch
  for update skip locked
), past as (
  update sooner.schedule set since = greatest(since, newest.tick)
  from (select schedule, max(tick) as tick from old group by schedule) as newest
  where name = newest.schedule
), removed as (
  delete from sooner.tick where ctid = any(array(select ctid from old)) returning tick
)
select count(*) as removed from removed;

-- name: keys
-- Removes expired API keys.
with expired as (
  select id from sooner.api_key where expires_at <= dramatiq.clock() limit :batch for update skip locked
), removed as (
  delete from sooner.api_key where id in (select id from expired) returning id
)
select count(*) as removed from removed;

-- name: tokens
-- Removes expired tokens.
with expired as (
  select id from sooner.token where expires_at <= dramatiq.clock() limit :batch for update skip locked
), removed as (
  delete from sooner.token where id in (select id from expired) returning id
)
select count(*) as removed from removed;

-- name: limits
-- Removes those of the next :batch limits under which no job runs or waits, and whose rate is rested: a claim that needs one again
-- makes it anew. `next` is the last key of the batch, null at the end.
with recursive next as materialized (
  select key from sooner."limit" where key > :after order by key limit :batch
), busy (lane) as (
  (select lane from dramatiq.queue
   where state = 'queued' and due_at is null and limit_key is not null order by lane limit 1)
  union all
  select (
    select lane from dramatiq.queue
    where state = 'queued' and due_at is null and limit_key is not null and lane > busy.lane order by lane limit 1
  )
  from busy where busy.lane is not null
), idle as (
  select key from sooner."limit" as former
  where key in (select key from next) and running = 0 and coalesce(next_at <= dramatiq.clock(), true)
    -- One look-up in each limited lane, whatever the number of waiting jobs.
    and (
      select true from busy cross join lateral (
        select from dramatiq.queue
        where lane = busy.lane and state = 'queued' and due_at is null and limit_key = former.key limit 1
      ) as waiting limit 1
    ) is null
  for update of former skip locked
), removed as (
  delete from sooner."limit" where key in (select key from idle) returning key
)
select (select count(*) from removed) as removed, case when count(*) = :batch::bigint then max(key) end as next from next;
