-- name: enqueue_one
-- Adds a job that code submits, by the function that `sooner.submit` calls too; the row has its id, or the id of the job that holds its key.
-- `word` is null where no job can have the id, and empty at a second try.
select sooner.enqueue(
  :id, :queue, :lane, :actor, :message, :tenant, :priority::smallint, :request_id, :traceparent, :parent,
  dramatiq.clock() + :delay::interval, null, :retention,
  -- Null, once it has said to the function that a running job's code submits.
  nullif(case when :of_job::boolean then set_config('sooner.of_job', 'on', true) end, 'on'),
  :limit_key, :unique_key, null, :word
);

-- name: outcome
-- The result and error of a final job.
select result::text, error::text from dramatiq.queue where message_id = :id::uuid and finished_at is not null;

-- name: limits
-- Writes the limits of keys, in the order of the keys.
insert into sooner."limit" (key, most, interval_seconds, burst)
select distinct on (key collate "C") key, most, interval_seconds, burst
from unnest(:key::text[], :most::integer[], :interval_seconds::double precision[], :burst::integer[])
  as said (key, most, interval_seconds, burst)
order by key collate "C"
on conflict (key) do update
set most = excluded.most, interval_seconds = excluded.interval_seconds, burst = excluded.burst,
  -- Where a rate was loosened, no job waits for the former interval.
  next_at = least("limit".next_at, dramatiq.clock() + excluded.burst * excluded.interval_seconds * interval '1 second')
where ("limit".most, "limit".interval_seconds, "limit".burst)
  is distinct from (excluded.most, excluded.interval_seconds, excluded.burst)
returning key;

-- name: relimit
-- Brings actors' declared limits to all their keys, in the order of the keys; the rows are the keys that changed.
with said as (
  select * from unnest(:key::text[], :most::integer[], :interval_seconds::double precision[], :burst::integer[])
    as said (actor, most, interval_seconds, burst)
), stale as (
  select key, said.most, said.interval_seconds, said.burst
  from sooner."limit" as former
  join said on key = actor or starts_with(key, actor || ' ')
  where (former.most, former.interval_seconds, former.burst)
    is distinct from (said.most, said.interval_seconds, said.burst)
  order by key collate "C"
  for update of former
)
update sooner."limit" as former
set most = stale.most, interval_seconds = stale.interval_seconds, burst = stale.burst,
  next_at = least(former.next_at, dramatiq.clock() + stale.burst * stale.interval_seconds * interval '1 second')
from stale where former.key = stale.key
returning former.key;

-- name: restore
-- Writes the limits of keys that have none, as the actors of their waiting jobs declare them, in the order of the keys.
insert into sooner."limit" (key, most, interval_seconds, burst)
select missing, said.most, said.interval_seconds, said.burst
from unnest(:missing::text[]) as missing
cross join lateral (
  select actor from dramatiq.queue
  where lane = :lane and state = 'queued' and due_at is null and limit_key = missing and actor = any(:key::text[])
  limit 1
) as job
join unnest(:key::text[], :most::integer[], :interval_seconds::double precision[], :burst::integer[])
  as said (actor, most, interval_seconds, burst) on said.actor = job.actor
order by missing collate "C"
on conflict do nothing
returning key;

-- name: added
-- Reads the rows of an INSERT whose answer was lost.
select message_id, created_at, due_at, expires_at, turn from dramatiq.queue where message_id = any(:ids::uuid[]);

-- name: twins
-- The jobs that hold these unique keys.
select message_id, unique_key from dramatiq.queue
where unique_key = any(:unique_key::text[]) and state in ('queued', 'consumed');

-- name: holders
-- The jobs that hold these idempotency keys; this frees a key of an expired job, or one used more than a day ago.
with holder as (
  select job.message_id, job.tenant, job.actor, job.idempotency_key, job.fingerprint,
    case when job.fingerprint is null then (job.message->'kwargs')::text end as params,
    job.created_at <= dramatiq.clock() - interval '24 hours'
      or (job.finished_at is not null and job.expires_at <= dramatiq.clock()) as is_over
  from unnest(:tenant::text[], :actor::text[], :idempotency_key::text[]) as wanted (tenant, actor, idempotency_key)
  join dramatiq.queue as job
    on job.tenant = wanted.tenant and job.actor = wanted.actor and job.idempotency_key = wanted.idempotency_key
), freed as (
  update dramatiq.queue as job set idempotency_key = null
  from (
    select distinct message_id from holder where is_over and {{stays}}
  ) as over
  where job.message_id = over.message_id
)
select distinct message_id, tenant, actor, idempotency_key, fingerprint, params from holder where not is_over;
