-- name: jobs
-- Reads jobs by id, as many as callers share this statement.
select {{job}}
from dramatiq.queue
where message_id = any(:ids::uuid[]) and (expires_at is null or finished_at is null or expires_at > dramatiq.clock());

-- name: gone
-- The tenant of a job that has expired but is not yet removed.
select tenant from dramatiq.queue
where message_id = :id and finished_at is not null and expires_at <= dramatiq.clock();

-- name: whereabouts
-- Which of these jobs are here, expired ones too, and whether their work is done elsewhere: their tenants are frozen here, or they
-- are deliveries that a move has parked a thousand years off.
select job.message_id as id, job.version, exists (
    select from sooner.frozen_tenant as frozen where frozen.tenant = job.tenant and frozen.until > dramatiq.clock()
  ) or coalesce(job.due_at > dramatiq.clock() + interval '900 years', false) as is_frozen
from dramatiq.queue as job where message_id = any(:ids::uuid[]);

-- name: versions
-- The versions of followed jobs, which make up for lost notifications.
select message_id, version from dramatiq.queue where message_id = any(:ids::uuid[]);
