-- name: begun
-- The attempts in a job's row: earlier attempts in its history, the latest in its own columns.
select state::text as state, attempts, worker, started_at, finished_at, error->>'type' as error,
  raised::text as raised, history::text as history
from dramatiq.queue where message_id = :id;
