-- name: register
-- Writes the schedules, and marks the others as removed; a schedule that is new, or has another expression, begins now. Needs the lease.
with lease as materialized (
  select fence from sooner.lease
  where name = 'scheduler' and holder = :holder and fence = :fence and expires_at > dramatiq.clock()
  for share
), removed as (
  update sooner.schedule set removed_at = dramatiq.clock() from lease
  where name <> all(:names::text[]) and removed_at is null
)
insert into sooner.schedule as known (name, actor, cron, timezone)
select name, actor, cron, :timezone
from lease, unnest(:names::text[], :actors::text[], :crons::text[]) as declared (name, actor, cron)
on conflict (name) do update
set actor = excluded.actor, cron = excluded.cron, timezone = excluded.timezone, removed_at = null,
  since = case when (known.cron, known.timezone) is distinct from (excluded.cron, excluded.timezone)
    then excluded.since else known.since end
where known.removed_at is not null
  or (known.actor, known.cron, known.timezone) is distinct from (excluded.actor, excluded.cron, excluded.timezone);

-- name: decided
-- The time up to which each schedule's ticks are decided. A tick in the future, which a wrong clock fired, decides nothing.
select schedule.name,
  greatest(schedule.since, (
    select max(tick) from sooner.tick where tick.schedule = schedule.name and tick.tick <= :now
  )) as since
from sooner.schedule
where name = any(:names::text[]);

-- name: fire
-- Fires a tick once: adds its row and its job, or neither. Needs the lease, and locks it until the commit.
-- While workers live but none knows the actor, one job may wait for a worker that does; no second job is added.
with lease as materialized (
  select fence from sooner.lease
  where name = 'scheduler' and holder = :holder and fence = :fence and expires_at > dramatiq.clock()
  for share
), living as (
  select actors from sooner.worker where expires_at > dramatiq.clock()
), wanted as (
  select :job::uuid is null or not exists (select from living)
    or exists (select from living where actors is null or actors ? :actor)
    or not exists (
      select from sooner.unknown_actor
      where name = :actor and given_up_at > dramatiq.clock() - interval '1 day'
    ) and not exists (
      select from (
        select job from sooner.tick where schedule = :schedule and job is not null order by tick desc limit 1
      ) as last
      join dramatiq.queue as job on job.message_id = last.job and job.state = 'queued'
    ) as is_wanted
), fired as (
  insert into sooner.tick (schedule, tick, fence, job)
  select :schedule, :tick, fence, :job from lease where (select is_wanted from wanted)
  on conflict do nothing
  returning job
), added as (
  insert into dramatiq.queue (message_id, queue_name, lane, actor, message, request_id, traceparent, turn)
  select job, :queue_name, :queue_name, :actor, :message::jsonb, :request_id, :traceparent,
    dramatiq.next_turn(:queue_name, 1::smallint, null)
  from fired where job is not null
  returning lane
), woken as (
  select pg_notify('dramatiq.' || lane || '.enqueue', '') from added
)
select exists (select from lease) as led, exists (select from fired) as fired, (select is_wanted from wanted) as is_wanted,
  (select count(*) from woken) as woken;
