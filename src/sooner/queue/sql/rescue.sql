-- name: unclaimed
-- The lanes and actors of jobs that are due, or soon will be, and that no living worker would claim.
with place as (
  select lane, queue_name, actor, bool_or(is_due) as is_due
  from (
    select lane, queue_name, actor, true as is_due from dramatiq.queue
    where state = 'queued' and due_at is null
    union all
    select lane, queue_name, actor, false from dramatiq.queue
    where state = 'queued' and due_at <= dramatiq.clock() + interval '1 minute'
  ) as job
  group by lane, queue_name, actor
), living as materialized (
  select queues, actors, claims from sooner.worker where expires_at > dramatiq.clock()
)
select lane, actor, is_due,
  -- Workers of older code do not list their actors.
  exists (select from living where actors is null or actors ? place.actor) as is_known
from place
where not exists (select from sooner.queue where name = place.queue_name and paused)
  and not exists (
    select from living
    where case when claims is null then place.queue_name = any(queues) else claims->place.lane ? place.actor end
  );

-- name: living
-- The number of living workers, and whether any actor is noted as unknown.
select count(*) as workers, exists (select from sooner.unknown_actor) as is_any_unknown
from sooner.worker where expires_at > dramatiq.clock();

-- name: strays
-- Up to :batch jobs of an actor that are due in a lane, and as many that will be soon.
(select message_id, tenant, message::text as message from dramatiq.queue
 where lane = :lane and actor = :actor and state = 'queued' and due_at is null and {{stays}}
 order by priority, turn, message_id limit :batch)
union all
(select message_id, tenant, message::text from dramatiq.queue
 where lane = :lane and actor = :actor and state = 'queued' and due_at <= dramatiq.clock() + interval '1 minute'
   and {{stays}}
 order by due_at limit :batch);

-- name: move
-- Moves waiting jobs from one lane to another, behind their tenants' jobs there.
with stray as (
  select job.message_id, wanted.limit_key, job.priority, job.tenant, job.turn, job.due_at
  from unnest(:ids::uuid[], :limit_keys::text[]) as wanted (id, limit_key)
  join dramatiq.queue as job on job.message_id = wanted.id
  where job.state = 'queued' and job.lane = :from_lane and job.actor = :actor
    and {{stays}}
  for update of job skip locked
), flow as (
  select priority, tenant, dramatiq.next_turn(:to_lane, priority, tenant) as turn
  from (select distinct priority, tenant from stray where due_at is null) as flows
), numbered as (
  select stray.message_id, stray.limit_key, flow.turn - 1
    + row_number() over (partition by stray.priority, stray.tenant order by stray.turn, stray.message_id) as turn
  from stray left join flow
    on stray.due_at is null and flow.priority = stray.priority and flow.tenant is not distinct from stray.tenant
), moved as (
  update dramatiq.queue as job
  set lane = :to_lane, queue_name = :to_queue, limit_key = numbered.limit_key, turn = coalesce(numbered.turn, job.turn),
    mtime = dramatiq.clock()
  from numbered
  where job.message_id = numbered.message_id
  returning job.due_at
)
select (select count(*) from moved) as moved,
  (select pg_notify('dramatiq.' || :to_lane || '.enqueue', 'back') from moved where due_at is null limit 1) as woken;

-- name: unknown
-- Counts how long jobs have waited for actors that no living worker knows, and forgets other actors; the rows are the actors to give up.
-- Only time with a living worker counts: without one, an actor may be known again any moment.
with forgotten as (
  delete from sooner.unknown_actor as unknown
  where name <> all(:actors::text[])
    and (given_up_at is null or given_up_at < dramatiq.clock() - interval '1 day' or exists (
      select from sooner.worker
      where expires_at > dramatiq.clock() and (actors is null or actors ? unknown.name)
    ))
  returning name
), idle as (
  update sooner.unknown_actor as unknown set seconds = 0, seen_at = dramatiq.clock()
  where name <> all(:actors::text[]) and not exists (select from forgotten where name = unknown.name)
), counted as (
  insert into sooner.unknown_actor as unknown (name)
  select name from unnest(:actors::text[]) as wanted (name) order by name
  on conflict (name) do update
  set seen_at = dramatiq.clock(), seconds = unknown.seconds + case
      when exists (
        select from sooner.worker where started_at <= unknown.seen_at and expires_at > dramatiq.clock()
      ) then greatest(0, extract(epoch from dramatiq.clock() - unknown.seen_at))
      else 0
    end
  returning name, seconds
)
select name from counted where seconds >= :seconds;

-- name: given_up
-- Notes that an actor's jobs were ended: later jobs wait as long again, and its schedules add none.
update sooner.unknown_actor set given_up_at = dramatiq.clock(), seconds = 0 where name = :actor returning name;

-- name: withdraw
-- Notes that a worker claims no more: jobs in its lanes may be moved, however long its last jobs take.
update sooner.worker set claims = '{}' where id = :worker::uuid and claims is not null returning id;
