-- part: is_changed
-- Whether a row was written by a transaction that was not over when `since` was the oldest one under way.
age(xmin) <= age(:since::text::xid8::xid)

-- name: now
-- The oldest transaction under way, and the time as text and as a time.
select pg_snapshot_xmin(pg_current_snapshot())::text as since, dramatiq.clock()::text as at, dramatiq.clock() as clock;

-- name: page
-- The next jobs of a tenant, newest first, but those that run.
select message_id as before_id, created_at::text as before_at from dramatiq.queue
where tenant = :tenant::text and state <> 'consumed'
  and (created_at, message_id) < (:before_at::text::timestamptz, :before_id::uuid)
order by created_at desc, message_id desc limit :batch;

-- part: is_counted
-- Whether a job does not run, and is not removed as an expired one before then.
state <> 'consumed' and (finished_at is null or expires_at > :lasting)

-- name: count
-- The number of jobs.
select count(*) as jobs from dramatiq.queue where tenant = :tenant::text and {{is_counted}};

-- name: count_unchanged
-- The number of those that have not changed since.
select count(*) as jobs from dramatiq.queue where tenant = :tenant::text and {{is_counted}} and not {{is_changed}};

-- name: changed
-- The jobs that have changed since, but those that run. Lines of the log come some time after their job's end.
select message_id from dramatiq.queue
where tenant = :tenant::text and state <> 'consumed'
  and ({{is_changed}} or finished_at >= :at::text::timestamptz - :late * interval '1 second');

-- name: running
-- The jobs that run.
select message_id from dramatiq.queue where state = 'consumed' and tenant = :tenant::text;

-- name: waiting
-- The waiting jobs.
select message_id from dramatiq.queue where tenant = :tenant::text and state = 'queued';

-- name: still_waiting
-- Those of the jobs that wait.
select message_id from dramatiq.queue where message_id = any(:ids::uuid[]) and state = 'queued';

-- name: leftovers
-- The jobs that have ended, come back or come since the tenant was frozen here.
select message_id from dramatiq.queue
where tenant = :tenant::text and state <> 'consumed' and {{is_changed}};

-- name: copied
-- The next jobs that were copied before the tenant was frozen, and have not changed since.
select message_id from dramatiq.queue
where tenant = :tenant::text and state <> 'consumed' and not {{is_changed}}
limit :batch;

-- name: rest
-- The next jobs that do not run.
select message_id from dramatiq.queue where tenant = :tenant::text and state <> 'consumed' limit :batch;

-- name: there
-- Those of the jobs that are here.
select message_id from dramatiq.queue where message_id = any(:ids::uuid[]);

-- name: unexpired
-- Those of the jobs that do not run, and have not expired.
select message_id from dramatiq.queue
where message_id = any(:ids::uuid[]) and state <> 'consumed'
  and (finished_at is null or expires_at > dramatiq.clock());

-- name: ended_late
-- The jobs of whose log the last lines may have come after they were copied.
select message_id from dramatiq.queue
where tenant = :tenant::text and state <> 'consumed' and finished_at >= :at::text::timestamptz - :late * interval '1 second';

-- name: belongings
-- What belongs to each of the jobs: the bytes of its files, and whether it has any output, log lines, files, limit, key.
select job.message_id, coalesce((select sum(bytes) from sooner.file where file.job = job.message_id), 0)::bigint as bytes,
  exists (select from sooner.output where output.job = job.message_id) as has_output,
  exists (select from sooner.log_line where log_line.job = job.message_id) as has_lines,
  exists (select from sooner.file where file.job = job.message_id) as has_files,
  job.limit_key is not null as has_limit, coalesce(job.unique_key, job.idempotency_key) is not null as has_key
from dramatiq.queue as job where job.message_id = any(:ids::uuid[]);

-- name: is_empty
-- Whether nothing of a tenant is here.
select not exists (select from dramatiq.queue where tenant = :tenant::text and state <> 'consumed')
  and not exists (select from sooner.upload where tenant = :tenant::text)
  and not exists (select from sooner.api_key where tenant = :tenant::text)
  and not exists (select from sooner.webhook where tenant = :tenant::text) as is_empty;

-- name: take_unique_keys
-- Takes the unique keys of the jobs that have arrived from the tenant's copies that were there before: theirs are older.
update dramatiq.queue as former set unique_key = null
from moving_queue as copy
where former.unique_key = copy.unique_key and former.state in ('queued', 'consumed') and copy.state = 'queued'
  and former.tenant = copy.tenant and former.message_id <> copy.message_id;

-- name: take_idempotency_keys
-- Takes their idempotency keys from these.
update dramatiq.queue as former set idempotency_key = null
from moving_queue as copy
where former.idempotency_key = copy.idempotency_key and former.actor = copy.actor and former.tenant = copy.tenant
  and former.message_id <> copy.message_id;

-- name: free_unique_keys
-- Takes a unique key from the jobs that have arrived and wait where another job here has it.
update moving_queue as copy set unique_key = null
where unique_key is not null and copy.state = 'queued' and exists (
  select from dramatiq.queue as other
  where other.unique_key = copy.unique_key and other.state in ('queued', 'consumed') and other.message_id <> copy.message_id
);

-- name: free_idempotency_keys
-- Takes an idempotency key from the jobs that have arrived where another job here has it.
update moving_queue as copy set idempotency_key = null
where idempotency_key is not null and exists (
  select from dramatiq.queue as other
  where other.idempotency_key = copy.idempotency_key and other.actor = copy.actor
    and (other.tenant = copy.tenant or other.tenant is null and copy.tenant is null)
    and other.message_id <> copy.message_id
);

-- name: add
-- Adds the jobs that have arrived, but those that are there; the rows are the added ones.
insert into dramatiq.queue ({{queue_columns}}) select {{queue_columns}} from moving_queue on conflict (message_id) do nothing
returning message_id;

-- name: add_late_lines
-- Adds the lines that have arrived to the logs of the jobs that are here.
insert into sooner.log_line ({{log_line_columns}}) select {{log_line_columns}} from moving_log_line as late
where exists (select from dramatiq.queue where message_id = late.job)
on conflict do nothing;

-- name: tell_followers
-- Notifies those who follow jobs that these are to be looked at again.
select pg_notify('sooner.changed', array_to_string(:ids::uuid[], ','));

-- name: wake
-- Tells workers of the jobs that have come and wait.
select count(pg_notify(channel, 'back')) as woken from (
  select distinct case when due_at is null then 'dramatiq.' || lane || '.enqueue' else 'sooner.postponed' end
  from dramatiq.queue where message_id = any(:ids::uuid[]) and state = 'queued'
) as channels (channel);

-- name: is_left
-- Whether any job of a tenant is here.
select exists (select from dramatiq.queue where tenant = :tenant::text and state <> 'consumed')
  or exists (select from dramatiq.queue where tenant = :tenant::text and state = 'consumed') as is_left;
