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
