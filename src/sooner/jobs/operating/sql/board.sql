-- name: workers
-- Every worker process, with the number of its jobs and the dozen that have run the longest.
select worker.id, worker.name, worker.queues, worker.started_at, worker.expires_at > dramatiq.clock() as alive,
  (select count(*) from dramatiq.queue where worker = worker.id and state = 'consumed') as processing,
  (
    select coalesce(json_agg(held), '[]')::text
    from (
      select message_id as id, actor, started_at, progress
      from dramatiq.queue as job
      where job.worker = worker.id and state = 'consumed'
      order by started_at limit 12
    ) as held
  ) as jobs
from sooner.worker
order by worker.started_at, worker.id;

-- name: scheduler
-- The scheduler that leads, if there is one.
select holder_name as name, taken_at as since, beat_at, holder is not null and expires_at > dramatiq.clock() as alive
from sooner.lease where name = 'scheduler';

-- name: schedules
-- The schedules that the scheduler knows, each with its last tick and that tick's job.
select schedule.name, schedule.actor, schedule.cron, schedule.timezone, last.tick as last_at, last.job,
  job.state::text as state
from sooner.schedule
left join lateral (
  select tick, job from sooner.tick where tick.schedule = schedule.name order by tick desc limit 1
) as last on true
left join dramatiq.queue as job on job.message_id = last.job
where schedule.removed_at is null
order by schedule.name;

-- name: ill
-- The number of jobs in each rare final state, counted up to :most.
select wanted.state::text as state, (
    select count(*) from (
      select from dramatiq.queue as job
      where job.state = wanted.state and job.state in ('rejected', 'error_resolved', 'cancelled') limit :most
    ) as capped
  ) as count
from unnest(array['rejected', 'error_resolved', 'cancelled']::dramatiq.state[]) as wanted (state);

-- name: size
-- The number of rows in the table: counted while it is small, else estimated from its size on disk as the planner does.
with size as (
  select pg_relation_size(oid) / current_setting('block_size')::integer as pages, reltuples, relpages
  from pg_class where oid = 'dramatiq.queue'::regclass
)
select pages > :counted as estimated, case
    when pages <= :counted then (select count(*) from dramatiq.queue)
    else greatest(reltuples / greatest(relpages, 1) * pages, 0)::bigint
  end as rows
from size;

-- name: glance
-- Jobs in brief.
select message_id as id, actor, queue_name as queue, state::text as state, tenant, priority, created_at, due_at,
  started_at, finished_at, attempts, crashes, progress::text as progress, error->>'title' as failure
from dramatiq.queue
where message_id = any(:ids::uuid[])
order by created_at desc, message_id desc;

-- name: facts
-- The facts about a job that operators see beside its document.
select job.tenant, job.worker, worker.name as worker_name, job.traceparent, job.idempotency_key, job.due_at,
  job.cancel_at, job.cancel_requested,
  exists (select from sooner.queue where name = job.queue_name and paused) as paused,
  job.state = 'queued' and job.due_at is null and not exists (
    select from sooner.worker as living
    where living.expires_at > dramatiq.clock() and case
      when claims is null then job.queue_name = any(queues)
      -- Whatever lane the job lies in, a worker that serves its actor brings it to where it claims.
      else exists (select from jsonb_each(claims) as claim (lane, actors) where claim.actors ? job.actor)
    end
  ) as stranded
from dramatiq.queue as job left join sooner.worker on worker.id = job.worker
where message_id = :id;
