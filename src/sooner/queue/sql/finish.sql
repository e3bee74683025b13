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
