-- name: stats
-- Every queue that is declared, has live jobs, workers or a word of the operators, with what goes on in it.
with each as (
  -- As many parts as there are partial indexes: the finished rows, a million of them perhaps, are left alone.
  select queue_name, state, due_at, created_at, run_at from dramatiq.queue where state = 'queued' and due_at is null
  union all
  select queue_name, state, due_at, created_at, run_at from dramatiq.queue where state = 'queued' and due_at is not null
  union all
  select queue_name, state, due_at, created_at, run_at from dramatiq.queue where state = 'consumed'
), live as (
  select queue_name as name,
    count(*) filter (where state = 'queued') as waiting,
    count(*) filter (where state = 'queued' and due_at is null) as due,
    count(*) filter (where state = 'consumed') as processing,
    min(greatest(created_at, run_at)) filter (where state = 'queued' and due_at is null) as oldest
  from each
  group by queue_name
), finished as (
  select queue_name as name, count(*) as finished
  from dramatiq.queue
  where finished_at > dramatiq.clock() - interval '1 minute'
    and expires_at > dramatiq.clock() + (:retention - 60) * interval '1 second'
  group by queue_name
), manned as (
  select served.name, count(*) as workers
  from sooner.worker cross join unnest(queues) as served (name)
  where expires_at > dramatiq.clock()
  group by served.name
), names as (
  select unnest(:declared::text[]) as name
  union select name from live
  union select name from manned
  union select name from sooner.queue
)
select name, coalesce(waiting, 0) as waiting, coalesce(due, 0) as due, coalesce(processing, 0) as processing,
  extract(epoch from dramatiq.clock() - oldest)::double precision as oldest_waiting_seconds,
  coalesce(finished, 0) as finished_per_minute, coalesce(paused, false) as paused, coalesce(workers, 0) as workers
from names
left join live using (name)
left join finished using (name)
left join manned using (name)
left join sooner.queue using (name)
where :only::text is null or name = :only
order by name;

-- name: pause
-- Stops or starts claiming from a queue, for every worker and until it is said otherwise.
with said as (
  insert into sooner.queue (name, paused) values (:name, :paused)
  on conflict (name) do update set paused = excluded.paused
  returning name
)
select pg_notify('sooner.control', '') from said;

-- name: table
-- How the table of jobs and the notification queue are doing.
select n_dead_tup as dead_tuples, n_live_tup as live_tuples, pg_total_relation_size(relid) as table_bytes,
  pg_notification_queue_usage() as notification_queue_usage_ratio
from pg_stat_all_tables where relid = 'dramatiq.queue'::regclass;
