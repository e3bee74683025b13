-- name: begun
-- What a row holds of a job's attempts: earlier ones in its history, the latest one in its own columns.
select state::text as state, attempts, worker, started_at, finished_at, error->>'type' as error,
  raised::text as raised, history::text as history
from dramatiq.queue where message_id = :id;
