-- name: finish
-- Ends attempts, as many as are ready: writes only to jobs that are still held under the same fence.
with outcome as (
  select *
  from unnest(:id::uuid[], :fence::bigint[], :state::dramatiq.state[], :result::jsonb[], :error::jsonb[],
              :pause::double precision[], :counted::boolean[], :progress::jsonb[])
    as outcome (id, fence, state, result, error, pause, counted, progress)
), finished as (
  update dramatiq.queue as job
  set state = case when job.cancel_requested and outcome.state = 'queued' then 'cancelled' else outcome.state end,
    result = outcome.result,
    error = case when outcome.state <> 'queued' then outcome.error end,
    history = case when outcome.state <> 'queued' then job.history
      else dramatiq.remembered(job, case when outcome.counted then 'failed' else 'given back' end, outcome.error) end,
    progress = coalesce(outcome.progress, job.progress),
    attempts = job.attempts - (not outcome.counted)::integer,
    worker = case when outcome.state = 'queued' and not job.cancel_requested then null else job.worker end,
    due_at = case when outcome.pause > 0 and not job.cancel_requested
      then dramatiq.clock() + outcome.pause * interval '1 second' end,
    finished_at = case when outcome.state <> 'queued' or job.cancel_requested then dramatiq.clock() end,
    expires_at = dramatiq.clock() + :retention * interval '1 second',
    mtime = dramatiq.clock(),
    version = job.version + 1
  from outcome
  where job.message_id = outcome.id and job.fence = outcome.fence
    -- As text: else the planner may walk the index of all processing jobs once an outcome.
    and job.state::text = 'consumed'
  returning job.message_id, job.tenant, job.state, job.lane, job.due_at
), told as (
  select pg_notify('sooner.changed', string_agg(message_id::text, ',')) from finished having count(*) > 0
), woken as (
  select pg_notify('dramatiq.' || lane || '.enqueue', '') from finished
  where state = 'queued' and due_at is null group by lane
), postponed as (
  select pg_notify('sooner.postponed', '') where exists (select from finished where due_at is not null)
), hooked as (
  select sooner.tell_webhooks(message_id, tenant, state) from finished
  where state <> 'queued' and exists (select from sooner.webhook where webhook.tenant = finished.tenant)
)
select message_id,
  (select count(*) from told) + (select count(*) from woken) + (select count(*) from postponed)
  + (select count(*) from hooked) as notified
from finished;

-- name: progress
-- Notes how far jobs are, the latest word of each.
with word as (
  select * from unnest(:id::uuid[], :fence::bigint[], :progress::jsonb[]) as word (id, fence, progress)
), noted as (
  update dramatiq.queue as job
  set progress = word.progress, version = job.version + 1, mtime = dramatiq.clock()
  from word
  where job.message_id = word.id and job.fence = word.fence and job.state::text = 'consumed'
  returning job.message_id
)
select pg_notify('sooner.changed', string_agg(message_id::text, ',')) from noted having count(*) > 0;
