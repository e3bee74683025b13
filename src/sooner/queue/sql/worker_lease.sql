-- name: register
-- Begins a worker's lease, with the actors that it knows and the lanes that it claims from.
insert into sooner.worker (id, name, queues, tasks, threads, actors, claims, declared, expires_at)
values (:worker::uuid, :name, :queues::text[], :tasks, :threads, :actors::jsonb, :claims::jsonb, :declared::jsonb,
  dramatiq.clock() + :seconds * interval '1 second')
-- The answer to the first try may have been lost.
on conflict (id) do update set expires_at = excluded.expires_at
returning id;

-- name: beat
-- Extends the lease; no row where it was taken away.
update sooner.worker set expires_at = dramatiq.clock() + :seconds * interval '1 second'
where id = :worker::uuid
returning id;

-- name: bury
-- Takes away expired leases.
delete from sooner.worker
where id in (select id from sooner.worker where expires_at < dramatiq.clock() for update skip locked)
returning id, name;

-- name: recover
-- Puts back the jobs that no living worker holds; ends those whose worker died with them for the third time.
-- After the second crash a job waits in the lane of last chances: another job may have killed its workers.
with orphan as (
  select message_id, crashes + 1 >= :most_crashes as hopeless
  from dramatiq.queue as job
  where state = 'consumed' and not exists (select from sooner.worker where id = job.worker)
  limit 1000
  for update skip locked
), recovered as (
  update dramatiq.queue as job
  set crashes = job.crashes + 1,
    fence = job.fence + 1,
    lane = case when job.crashes + 2 < :most_crashes then job.lane
      else job.queue_name || :last || case when job.limit_key is null then '' else :limited end end,
    version = job.version + 1,
    mtime = dramatiq.clock(),
    state = case when orphan.hopeless then 'rejected' when job.cancel_requested then 'cancelled' else 'queued'
      end::dramatiq.state,
    worker = case when orphan.hopeless or job.cancel_requested then job.worker end,
    finished_at = case when orphan.hopeless or job.cancel_requested then dramatiq.clock() end,
    expires_at = case when orphan.hopeless or job.cancel_requested
      then dramatiq.clock() + :retention * interval '1 second' else job.expires_at end,
    error = case when orphan.hopeless then :error::jsonb end,
    history = case when orphan.hopeless or job.cancel_requested then job.history
      else dramatiq.remembered(job, 'lost with its worker', null) end
  from orphan
  where job.message_id = orphan.message_id
  returning job.message_id, job.tenant, job.state, job.lane, job.crashes, job.actor, job.message
), called as (
  select sooner.tell_failure(message_id, callback, jsonb_build_object('type', said->>'type', 'message', said->>'detail'))
  from recovered
  cross join lateral (
    select coalesce(message->'options'->>'on_failure', :callbacks::jsonb->>actor), :error::jsonb
  ) as callback (callback, said)
  where state = 'rejected' and callback is not null
), told as (
  select pg_notify('sooner.changed', string_agg(message_id::text, ','))
  from (select message_id, row_number() over () / 200 as part from recovered) as parts group by part
), woken as (
  select pg_notify('dramatiq.' || lane || '.enqueue', 'back') from recovered where state = 'queued' group by lane
), hooked as (
  select sooner.tell_webhooks(message_id, tenant, state) from recovered
  where state <> 'queued' and exists (select from sooner.webhook where webhook.tenant = recovered.tenant)
)
select message_id::text, state::text, crashes,
  (select count(*) from told) + (select count(*) from woken) + (select count(*) from hooked)
    + (select count(*) from called) as notified
from recovered;

-- name: retire
-- Ends a worker's lease in order; other workers recover the jobs that it could not give back at once.
delete from sooner.worker where id = :worker::uuid returning id;
