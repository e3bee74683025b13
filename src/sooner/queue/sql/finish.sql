-- name: finish
-- Ends jobs that are still held under the same fence; the row has their ids.
with finished as (
  update dramatiq.queue as job
  set state = outcome.state, result = outcome.result, error = outcome.error, raised = outcome.raised,
    progress = coalesce(outcome.progress, job.progress),
    finished_at = dramatiq.clock(), expires_at = dramatiq.clock() + :retention * interval '1 second',
    mtime = dramatiq.clock(), version = job.version + 1
  from unnest(
    string_to_array(:id, chr(30))::uuid[], string_to_array(:fence, chr(30))::bigint[],
    string_to_array(:state, chr(30))::dramatiq.state[], string_to_array(:result, chr(30), '')::jsonb[],
    string_to_array(:error, chr(30), '')::jsonb[], string_to_array(:progress, chr(30), '')::jsonb[],
    string_to_array(:raised, chr(30), '')::jsonb[]
  ) as outcome (id, fence, state, result, error, progress, raised)
  where job.message_id = outcome.id and job.fence = outcome.fence
    -- As text: else the planner may walk the index of all processing jobs once an outcome.
    and job.state::text = 'consumed'
  returning job.message_id, job.tenant, job.state
)
select array_agg(message_id) as ids,
  pg_notify('sooner.changed', string_agg(message_id::text, ',')) as told,
  sum(case when exists (select from sooner.webhook where webhook.tenant = finished.tenant)
    then sooner.tell_webhooks(message_id, tenant, state) end) as hooked
from finished having count(*) > 0;

-- name: finish_followed
-- The same for jobs with follow-ups, which are enqueued exactly once, if and only if the job's ending is written.
with finished as (
  update dramatiq.queue as job
  set state = outcome.state, result = outcome.result, error = outcome.error, raised = outcome.raised,
    progress = coalesce(outcome.progress, job.progress),
    finished_at = dramatiq.clock(), expires_at = dramatiq.clock() + :retention * interval '1 second',
    mtime = dramatiq.clock(), version = job.version + 1
  from unnest(
    string_to_array(:id, chr(30))::uuid[], string_to_array(:fence, chr(30))::bigint[],
    string_to_array(:state, chr(30))::dramatiq.state[], string_to_array(:result, chr(30), '')::jsonb[],
    string_to_array(:error, chr(30), '')::jsonb[], string_to_array(:progress, chr(30), '')::jsonb[],
    string_to_array(:raised, chr(30), '')::jsonb[]
  ) as outcome (id, fence, state, result, error, progress, raised)
  where job.message_id = outcome.id and job.fence = outcome.fence
    -- As text: else the planner may walk the index of all processing jobs once an outcome.
    and job.state::text = 'consumed'
  returning job.message_id, job.tenant, job.state, job.request_id, job.traceparent, job.parent
), added as (
  insert into dramatiq.queue
    (message_id, queue_name, state, message, tenant, request_id, traceparent, parent, run_at, due_at)
  select next.id, next.queue_name, 'queued', next.message, case when next.inherits_tenant then finished.tenant end,
    finished.request_id, finished.traceparent, finished.parent, due.at, due.at
  from unnest(
    string_to_array(:after, chr(30))::uuid[], string_to_array(:next_id, chr(30))::uuid[],
    string_to_array(:queue_name, chr(30)), string_to_array(:message, chr(30))::jsonb[],
    string_to_array(:delay, chr(30), '')::double precision[], string_to_array(:inherits_tenant, chr(30))::boolean[]
  ) as next (after, id, queue_name, message, delay, inherits_tenant)
  join finished on finished.message_id = next.after
  cross join lateral (
    select case when next.delay > 0 then dramatiq.clock() + next.delay * interval '1 second' end
  ) as due (at)
  on conflict do nothing
  returning lane, due_at
)
select array_agg(message_id) as ids,
  pg_notify('sooner.changed', string_agg(message_id::text, ',')) as told,
  sum(case when exists (select from sooner.webhook where webhook.tenant = finished.tenant)
    then sooner.tell_webhooks(message_id, tenant, state) end) as hooked,
  -- Their rounds are made as for a stock producer's rows, so a claim may be past them.
  (select count(pg_notify(channel, 'back')) from (
    select distinct case when due_at is null then 'dramatiq.' || lane || '.enqueue' else 'sooner.postponed' end
    from added
  ) as told (channel)) as woken
from finished having count(*) > 0;

-- name: give_back
-- Puts jobs back to waiting, to be tried again after a pause or at once; cancels jobs whose end was asked for.
with outcome as (
  select *
  from unnest(
    string_to_array(:id, chr(30))::uuid[], string_to_array(:fence, chr(30))::bigint[],
    string_to_array(:error, chr(30), '')::jsonb[], string_to_array(:pause, chr(30))::double precision[],
    string_to_array(:counted, chr(30))::boolean[], string_to_array(:progress, chr(30), '')::jsonb[],
    string_to_array(:raised, chr(30), '')::jsonb[]
  ) as outcome (id, fence, error, pause, counted, progress, raised)
), changed as (
  update dramatiq.queue as job
  set state = (case when job.cancel_requested then 'cancelled' else 'queued' end)::dramatiq.state,
    result = null, error = null,
    history = dramatiq.remembered(
      job, case when outcome.counted then 'failed' else 'given back' end, outcome.error, outcome.raised),
    progress = coalesce(outcome.progress, job.progress),
    attempts = job.attempts - (not outcome.counted)::integer,
    worker = case when job.cancel_requested then job.worker end,
    due_at = case when outcome.pause > 0 and not job.cancel_requested
      then dramatiq.clock() + outcome.pause * interval '1 second' end,
    finished_at = case when job.cancel_requested then dramatiq.clock() end,
    expires_at = dramatiq.clock() + :retention * interval '1 second',
    mtime = dramatiq.clock(), version = job.version + 1
  from outcome
  where job.message_id = outcome.id and job.fence = outcome.fence and job.state::text = 'consumed'
  returning job.message_id, job.tenant, job.state, job.lane, job.due_at
)
select array_agg(message_id) as ids,
  pg_notify('sooner.changed', string_agg(message_id::text, ',')) as told,
  count(pg_notify(case when due_at is null then 'dramatiq.' || lane || '.enqueue' else 'sooner.postponed' end, 'back'))
    filter (where state = 'queued') as woken,
  sum(case when state = 'cancelled' and exists (select from sooner.webhook where webhook.tenant = changed.tenant)
    then sooner.tell_webhooks(message_id, tenant, state) end) as hooked
from changed having count(*) > 0;

-- name: lose
-- Lets go of jobs as if their worker had died: the next heartbeat of any worker recovers jobs that no living worker holds.
with lost as (
  update dramatiq.queue as job
  set worker = gen_random_uuid()
  from unnest(string_to_array(:id, chr(30))::uuid[], string_to_array(:fence, chr(30))::bigint[]) as outcome (id, fence)
  where job.message_id = outcome.id and job.fence = outcome.fence and job.state::text = 'consumed'
  returning job.message_id
)
select array_agg(message_id) as ids from lost having count(*) > 0;

-- name: progress
-- Writes the latest progress of jobs.
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
