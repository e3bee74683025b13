-- name: server
-- The server's version and database.
select current_setting('server_version') as version, current_database() as name;

-- name: backend
-- The process of the server that serves this connection now.
select pg_backend_pid() as pid;

-- name: clock
-- The database's time, and the distance of the queue's clock from it.
select clock_timestamp() as now, extract(epoch from dramatiq.clock() - now())::double precision as moved;

-- name: dead
-- Dead and living rows of the table of jobs; the age of the oldest transaction in seconds, and the process that holds it open.
select n_dead_tup as dead, n_live_tup as live, coalesce(extract(epoch from clock_timestamp() - xact_start), 0)::double precision as oldest,
  pid as holder
from pg_stat_user_tables left join lateral (
  select pid, xact_start from pg_stat_activity
  where backend_type = 'client backend' and datname = current_database() and xact_start is not null
  order by xact_start limit 1
) as longest on true
where schemaname = 'dramatiq' and relname = 'queue';

-- name: frozen
-- The age of the database's oldest transaction id.
select datname as name, age(datfrozenxid) as age from pg_database where datname = current_database();

-- name: slots
-- Replication slots that nobody reads, and the bytes of log that each keeps.
select slot_name as name, wal_status = 'lost' as is_lost,
  coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint as kept
from pg_replication_slots where not active and not pg_is_in_recovery()
order by kept desc;

-- name: bloat
-- The bytes of the table of jobs, its indexes, its estimated rows, and whether autovacuum works on it.
select pg_total_relation_size(pg_class.oid) as bytes, pg_indexes_size(pg_class.oid) as indexes, greatest(reltuples, 0)::bigint as live,
  current_setting('autovacuum')::boolean
    and not coalesce('autovacuum_enabled=false' = any(reloptions) or 'autovacuum_enabled=off' = any(reloptions), false) as vacuums
from pg_class where oid = to_regclass('dramatiq.queue');

-- name: leases
-- Living workers, expired leases that no worker has taken away, and jobs that no lease holds.
select count(*) filter (where expires_at >= dramatiq.clock()) as living,
  count(*) filter (where expires_at < dramatiq.clock()) as overdue,
  (select count(*) from dramatiq.queue as job
   where state = 'consumed' and not exists (select from sooner.worker where id = job.worker)) as orphans
from sooner.worker;

-- name: stranded
-- Due jobs that no living worker would claim, by actor, most first; the number of living workers, and the queue in which one knows the actor.
with living as materialized (
  select queues, actors, claims from sooner.worker where expires_at > dramatiq.clock()
), served as materialized (
  select distinct actor
  from living cross join jsonb_each(claims) as claim (lane, actors)
  cross join jsonb_array_elements_text(claim.actors) as actor
), waiting as (
  select actor, queue_name, count(*) as jobs from dramatiq.queue
  where state = 'queued' and due_at is null
  group by actor, queue_name
)
select actor, sum(jobs)::bigint as jobs, (select count(*) from living) as living,
  (select min(actors->>waiting.actor) from living) as declared
from waiting
where actor not in (select actor from served)
  and not exists (select from living where claims is null and waiting.queue_name = any(queues))
  and not exists (select from sooner.queue where name = waiting.queue_name and paused)
group by actor
order by 2 desc, actor;
