-- name: remains
-- Whether a job of these queues and actors is due, or runs on this host or without a living worker.
select
  exists (
    select from dramatiq.queue as job
    -- In any lane: a worker moves the job to a lane that is claimed.
    where state = 'queued' and due_at is null and actor = any(:actors::text[])
      and not exists (select from sooner.queue where name = job.queue_name and paused)
  ) or exists (
    select from dramatiq.queue as job
    where state = 'queued' and due_at <= dramatiq.clock() and actor = any(:actors::text[])
      and not exists (select from sooner.queue where name = job.queue_name and paused)
  ) or exists (
    select from dramatiq.queue as job
    where state = 'consumed' and queue_name = any(:queues::text[])
      and not exists (
        select from sooner.worker
        where id = job.worker and expires_at > dramatiq.clock() and not starts_with(name, :host::text || ':')
      )
  ) as remains;
