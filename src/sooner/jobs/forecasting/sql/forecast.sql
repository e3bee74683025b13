-- name: note
-- Adds runs to their actors' durations, given oldest first; the last :most of each actor are kept.
with run as (
  select actor, array_agg(seconds order by number desc) as durations
  from unnest(:actor::text[], :seconds::real[]) with ordinality as run (actor, seconds, number)
  group by actor
)
insert into sooner.actor_history as known (actor, durations)
select actor, durations[1:(:most)::integer] from run order by actor
on conflict (actor) do update
set durations = (excluded.durations || known.durations)[1:(:most)::integer], noted_at = dramatiq.clock()
returning actor;

-- name: known
-- The durations of actors' last runs, and the time.
select actor, durations, dramatiq.clock() as now from sooner.actor_history
union all select null, null, dramatiq.clock();

-- name: capacity
-- The number of jobs of each lane that living workers can run at once.
select lane.name as lane, sum(case when lane.threaded then worker.threads else worker.tasks end) as places
from unnest(:lanes::text[], :queues::text[], :threaded::boolean[]) as lane (name, queue, threaded)
join sooner.worker as worker on lane.queue = any(worker.queues) and worker.expires_at > dramatiq.clock()
group by lane.name;

-- name: backlogs
-- The backlog of each lane and priority: its length (counted up to :most), the current round, and a sample of the first jobs.
select lane.name as lane, urgency.priority, first.turn, first.tenants, first.actors, backlog.length
from unnest(:lanes::text[]) as lane (name)
cross join unnest(array[0, 1, 2]::smallint[]) as urgency (priority)
cross join lateral (
  select min(turn) as turn, count(distinct coalesce(tenant, '')) as tenants, array_agg(actor) as actors
  from (
    select turn, tenant, actor from dramatiq.queue
    where lane = lane.name and priority = urgency.priority and state = 'queued' and due_at is null
    order by priority, turn, message_id limit 100
  ) as sample
) as first
cross join lateral (
  select count(*) as length
  from (
    select from dramatiq.queue
    where lane = lane.name and priority = urgency.priority and state = 'queued' and due_at is null
    limit :most
  ) as waiting
) as backlog
where backlog.length > 0;
