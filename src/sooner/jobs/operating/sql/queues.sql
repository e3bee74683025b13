-- name: stats
-- Every queue that is declared, or has live jobs, workers or a setting, with its numbers; `judged` where they are estimates.
with recursive lane (name) as (
  (select lane from dramatiq.queue where state = 'queued' and due_at is null order by lane limit 1)
  union all
  select (
    select lane from dramatiq.queue
    where state = 'queued' and due_at is null and lane > before.name order by lane limit 1
  )
  from lane as before where name is not null
), served as materialized (
  -- A worker moves jobs of the actors that it serves to its own lanes, whatever lane they are in.
  select distinct actor
  from sooner.worker cross join jsonb_each(claims) as claim (lane, actors)
  cross join jsonb_array_elements_text(claim.actors) as actor
  where expires_at > dramatiq.clock()
), of_older as materialized (
  select distinct unnest(queues) as name from sooner.worker where claims is null and expires_at > dramatiq.clock()
), part as (
  select first.name, 'due' as kind, first.number, first.number = :most as is_cut, first.oldest, first.stranded
  from lane
  cross join unnest(array[0, 1, 2]::smallint[]) as urgency (priority)
  cross join lateral (
    select min(queue_name) as name, count(*) as number, min(since) as oldest,
      count(*) filter (where actor not in (select actor from served) and queue_name not in (select name from of_older))
        as stranded
    from (
      select queue_name, actor, greatest(created_at, run_at) as since from dramatiq.queue
      where lane = lane.name and priority = urgency.priority and state = 'queued' and due_at is null
      order by priority, turn, message_id limit :most
    ) as backlog
  ) as first
  union all
  select queue_name, 'postponed', count(*), sum(count(*)) over () = :most, null, 0
  from (
    select queue_name from dramatiq.queue
    where state = 'queued' and due_at is not null order by due_at limit :most
  ) as postponed
  group by queue_name
  union all
  select queue_name, 'processing', count(*), sum(count(*)) over () = :most, null, 0
  from (select queue_name from dramatiq.queue where state = 'consumed' order by worker limit :most) as running
  group by queue_name
), share as (
  -- Of the table, the same pages each time: about :pages of them.
  select least(1, :pages / greatest(pg_relation_size('dramatiq.queue') / current_setting('block_size')::real, 1)) as share
), sample as (
  select queue_name as name,
    case when state = 'consumed' then 'processing' when due_at is null then 'due' else 'postponed' end as kind,
    (count(*) / (select share from share))::bigint as number
  from dramatiq.queue tablesample system ((select 100 * share from share)) repeatable (1)
  where state in ('queued', 'consumed') and (select bool_or(is_cut) from part)
  group by 1, 2
), live as (
  select name,
    sum(number) filter (where kind <> 'processing') as waiting, sum(number) filter (where kind = 'due') as due,
    sum(number) filter (where kind = 'processing') as processing, min(oldest) as oldest, bool_or(is_cut) as judged,
    ceil(sum(stranded * number / counted)) as stranded
  from (
    select name, kind, is_cut, oldest, stranded, counted.number as counted,
      case when is_cut then greatest(counted.number, coalesce(sample.number, 0)) else counted.number end as number
    from (
      select name, kind, sum(number) as number, bool_or(is_cut) as is_cut, min(oldest) as oldest,
        sum(stranded) as stranded
      from part where number > 0 group by name, kind
    ) as counted left join sample using (name, kind)
  ) as each
  group by name
), finished as (
  -- Where the last minute's are too many, the pace of the last :ends.
  select queue_name as name, sum(count(*)) over () = :ends as is_cut,
    count(*) * case when sum(count(*)) over () < :ends then 1
      else 60 / greatest(extract(epoch from dramatiq.clock() - min(min(finished_at)) over ()), 0.1) end as finished
  from (
    select queue_name, finished_at from dramatiq.queue
    where finished_at > dramatiq.clock() - interval '1 minute'
      -- Where jobs were kept longer before, theirs are behind these, and all of them would be looked at.
      and expires_at > dramatiq.clock() + (:retention - 60) * interval '1 second'
      and expires_at <= dramatiq.clock() + :retention * interval '1 second'
    order by expires_at desc limit :ends
  ) as ended
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
select name, coalesce(waiting, 0)::bigint as waiting, coalesce(due, 0)::bigint as due,
  coalesce(processing, 0)::bigint as processing,
  extract(epoch from dramatiq.clock() - oldest)::double precision as oldest_waiting_seconds,
  coalesce(finished, 0)::bigint as finished_per_minute, coalesce(paused, false) as paused,
  coalesce(workers, 0) as workers, case when paused then 0 else coalesce(stranded, 0)::bigint end as stranded,
  coalesce(live.judged, false) or coalesce(finished.is_cut, false) as judged
from names
left join live using (name)
left join finished using (name)
left join manned using (name)
left join sooner.queue using (name)
where :only::text is null or name = :only
order by name;

-- name: pause
-- Stops or starts claiming from a queue, for every worker, until the next call.
with said as (
  insert into sooner.queue (name, paused) values (:name, :paused)
  on conflict (name) do update set paused = excluded.paused
  returning name
)
select pg_notify('sooner.control', '') from said;

-- name: table
-- The state of the table of jobs and of the notification queue.
select n_dead_tup as dead_tuples, n_live_tup as live_tuples, pg_total_relation_size(relid) as table_bytes,
  pg_notification_queue_usage() as notification_queue_usage_ratio
from pg_stat_all_tables where relid = 'dramatiq.queue'::regclass;

-- name: leases_lost
-- How many workers' leases ran out.
select value from sooner.counter where name = 'leases_lost';
