-- name: keep
-- Adds lines to the logs of jobs that are still there. A line that a second try repeats is there once.
insert into sooner.log_line (job, number, attempt, at, level, logger, message, fields)
select line.*
from unnest(:job::uuid[], :number::bigint[], :attempt::bigint[], :at::timestamptz[], :level::text[], :logger::text[],
  :message::text[], :fields::jsonb[]) as line (job, number, attempt, at, level, logger, message, fields)
where exists (select from dramatiq.queue where message_id = line.job)
on conflict (job, number) do nothing;

-- name: lines
-- Up to :most lines of a job's log after a number, in order.
select number, attempt, at, level, logger, message, fields::text as fields
from sooner.log_line
where job = :job and number > :after
order by number limit :most;

-- name: missed
-- The lines between two numbers that are in none of the runs of numbers: a worker that was cut off wrote them late.
select number, attempt, at, level, logger, message, fields::text as fields
from sooner.log_line
where job = :job and number > :after and number <= :last and not exists (
  select from unnest(:firsts::bigint[], :lasts::bigint[]) as run (first, last) where number between run.first and run.last
)
order by number limit :most;
