-- name: jobs
-- Reads jobs by id, as many as callers share this statement.
select message_id, actor, queue_name, state::text as state, tenant, priority, request_id, attempts, crashes, version,
  turn, created_at, run_at, started_at, finished_at, expires_at, progress::text as progress,
  (message->'kwargs')::text as params, result::text as result, error::text as error,
  cancel_requested, parent
from dramatiq.queue
where message_id = any(:ids::uuid[]) and (expires_at is null or finished_at is null or expires_at > dramatiq.clock());

-- name: gone
-- The tenant of a job that has expired but is not yet removed.
select tenant from dramatiq.queue
where message_id = :id and finished_at is not null and expires_at <= dramatiq.clock();

-- name: versions
-- The versions of followed jobs, which make up for lost notifications.
select message_id, version from dramatiq.queue where message_id = any(:ids::uuid[]);
