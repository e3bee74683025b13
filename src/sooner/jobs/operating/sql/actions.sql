-- name: cancel
-- Ends a waiting job, or asks the worker of a processing job to stop it; no row for a final job.
with cancelled as (
  update dramatiq.queue
  set state = case state when 'queued' then 'cancelled'::dramatiq.state else state end,
    finished_at = case state when 'queued' then dramatiq.clock() end,
    expires_at = case state when 'queued' then dramatiq.clock() + :retention * interval '1 second' else expires_at end,
    due_at = null,
    cancel_requested = true,
    version = version + 1,
    mtime = dramatiq.clock()
  where message_id = :id and state in ('queued', 'consumed')
  returning message_id, tenant, state
), told as (
  select pg_notify('sooner.changed', message_id::text) from cancelled
), asked as (
  select pg_notify('sooner.cancel', message_id::text) from cancelled where state = 'consumed'
), hooked as (
  select sooner.tell_webhooks(message_id, tenant, state) from cancelled
  where state = 'cancelled' and exists (select from sooner.webhook where webhook.tenant = cancelled.tenant)
)
select state::text as state,
  (select count(*) from told) + (select count(*) from asked) + (select count(*) from hooked) as notified
from cancelled;

-- name: cancel_waiting
-- Ends a waiting job; no row for a job that runs or is final.
with cancelled as (
  update dramatiq.queue
  set state = 'cancelled',
    finished_at = dramatiq.clock(),
    expires_at = dramatiq.clock() + :retention * interval '1 second',
    due_at = null,
    cancel_requested = true,
    version = version + 1,
    mtime = dramatiq.clock()
  where message_id = :id and state = 'queued'
  returning message_id, tenant, state
), hooked as (
  select sooner.tell_webhooks(message_id, tenant, state) from cancelled
  where exists (select from sooner.webhook where webhook.tenant = cancelled.tenant)
)
select pg_notify('sooner.changed', message_id::text), (select count(*) from hooked) from cancelled;

-- name: cancel_overdue
-- Cancels the jobs whose Cancel-After has passed, waiting or held by a dead worker, and asks living workers to
-- stop theirs; the row is their number.
with overdue as (
  select message_id, state = 'queued' or not lease.holds as idle
  from dramatiq.queue as job
  cross join lateral (
    select exists (select from sooner.worker where id = job.worker and expires_at > dramatiq.clock()) as holds
  ) as lease
  where cancel_at <= dramatiq.clock() and state in ('queued', 'consumed') and not (cancel_requested and lease.holds)
  order by cancel_at limit :most
  for update of job skip locked
), cancelled as (
  update dramatiq.queue as job
  set state = case when idle then 'cancelled'::dramatiq.state else job.state end,
    finished_at = case when idle then dramatiq.clock() end,
    expires_at = case when idle then dramatiq.clock() + :retention * interval '1 second' else job.expires_at end,
    due_at = null,
    cancel_requested = true,
    version = job.version + 1,
    mtime = dramatiq.clock()
  from overdue
  where job.message_id = overdue.message_id
  returning job.message_id, job.tenant, job.state
), told as (
  select pg_notify('sooner.changed', string_agg(message_id::text, ',')) from cancelled having count(*) > 0
), asked as (
  select pg_notify('sooner.cancel', string_agg(message_id::text, ',')) from cancelled
  where state = 'consumed' having count(*) > 0
), hooked as (
  select sooner.tell_webhooks(message_id, tenant, state) from cancelled
  where state = 'cancelled' and exists (select from sooner.webhook where webhook.tenant = cancelled.tenant)
)
select count(*) as cancelled,
  (select count(*) from told) + (select count(*) from asked) + (select count(*) from hooked) as notified
from cancelled;

-- name: retry
-- Puts a failed job back into its queue, if its actor is one of these or a living worker knows it; no row for a job that has not failed.
with failed as (
  select message_id, actor, actor = any(:actors::text[]) or exists (
      -- Workers of older code do not list their actors.
      select from sooner.worker where expires_at > dramatiq.clock() and (actors is null or actors ? job.actor)
    ) as is_known
  from dramatiq.queue as job
  where message_id = :id and state = 'rejected'
  for update
), retried as (
  update dramatiq.queue as job
  set state = 'queued',
    history = dramatiq.remembered(job, 'failed', job.error, job.raised),
    worker = null,
    due_at = null,
    turn = coalesce(job.turn, dramatiq.next_turn(job.lane, job.priority, job.tenant)),
    finished_at = null,
    error = null,
    raised = null,
    progress = null,
    cancel_at = null,
    cancel_requested = false,
    expires_at = dramatiq.clock() + :retention * interval '1 second',
    version = job.version + 1,
    mtime = dramatiq.clock()
  from failed
  where job.message_id = failed.message_id and failed.is_known
  returning job.message_id, job.lane
), told as (
  select pg_notify('sooner.changed', message_id::text) from retried
), woken as (
  select pg_notify('dramatiq.' || lane || '.enqueue', 'back') from retried
)
select actor, is_known, (select count(*) from told) + (select count(*) from woken) as notified from failed;

-- name: resolve
-- Notes that a person has dealt with a failed job; no row for a job that has not failed.
with resolved as (
  update dramatiq.queue
  set state = 'error_resolved',
    error = case when :note::text is null then error else error || jsonb_build_object('note', :note::text) end,
    version = version + 1,
    mtime = dramatiq.clock()
  where message_id = :id and state = 'rejected'
  returning message_id
), told as (
  select pg_notify('sooner.changed', message_id::text) from resolved
)
select message_id, (select count(*) from told) as notified from resolved;

-- name: to_stop
-- The jobs held here that were cancelled, to make up for lost notifications.
select message_id from dramatiq.queue
where message_id = any(:ids::uuid[]) and state = 'consumed' and cancel_requested;
