-- part: facts
-- The measures by which a row of the tally counts. A row of pieces of output counts by no other measure.
(values
    ('begun', began_at, case when outcome <> 'output' then 0 end, 0), (outcome, ended_at, 0, 0),
    ('waiting', ended_at, waited, seconds_waited),
    ('duration', ended_at, case when outcome <> 'output' then took end, seconds_taken)
  ) as fact (measure, at, at_most, seconds)

-- name: add_up
-- Adds up to :batch rows of the tally in the totals and the history, whose rows older than :kept seconds it removes.
with gone as (
  delete from sooner.attempt_tally
  where ctid = any(array(select ctid from sooner.attempt_tally limit :batch for update skip locked))
  returning *
), fact as materialized (
  select actor, measure, at, at_most, sum(attempts)::bigint as attempts, sum(fact.seconds) as seconds
  from gone cross join lateral {{facts}}
  where at_most is not null
  group by actor, measure, at, at_most
), total as (
  insert into sooner.attempt_total as known (actor, measure, at_most, attempts, seconds)
  select actor, measure, at_most, sum(attempts), sum(seconds) from fact group by 1, 2, 3 order by 1, 2, 3
  on conflict (actor, measure, at_most) do update
  set attempts = known.attempts + excluded.attempts, seconds = known.seconds + excluded.seconds
), past as (
  insert into sooner.attempt_history as known (actor, at, measure, at_most, attempts)
  select actor, at, measure, at_most, attempts from fact order by 1, 2, 3, 4
  on conflict (actor, at, measure, at_most) do update set attempts = known.attempts + excluded.attempts
), old as (
  delete from sooner.attempt_history as past
  using (select distinct actor from fact) as seen
  where past.actor = seen.actor and past.at < dramatiq.clock() - :kept * interval '1 second'
)
select count(*) as added from gone;

-- name: totals
-- The attempts since the beginning, by actor, measure and bucket.
select actor, measure, at_most, sum(attempts)::bigint as attempts, sum(seconds) as seconds
from (
  select actor, measure, at_most, attempts, seconds from sooner.attempt_total
  union all
  select actor, measure, at_most, attempts, fact.seconds
  from sooner.attempt_tally cross join lateral {{facts}}
  where at_most is not null
) as counted
group by actor, measure, at_most
order by actor, measure, at_most;

-- name: history
-- The attempts at an actor's jobs in the last :hours hours, by five minutes, measure and bucket; those that run have begun.
with since (at) as (
  select date_bin('5 minutes', dramatiq.clock() - :hours * interval '1 hour', 'epoch')
)
select at, measure, at_most, sum(attempts)::bigint as attempts
from (
  select at, measure, at_most, attempts from sooner.attempt_history
  where actor = :actor and at >= (select at from since)
  union all
  select at, measure, at_most, attempts
  from sooner.attempt_tally cross join lateral {{facts}}
  where actor = :actor and at >= (select at from since) and at_most is not null
  union all
  select date_bin('5 minutes', started_at, 'epoch'), 'begun', 0, 1
  from dramatiq.queue
  where state = 'consumed' and actor = :actor and started_at >= (select at from since)
) as counted
group by at, measure, at_most
order by at, measure, at_most;
