-- name: batch
-- A tenant's next jobs after a position, oldest first, whose texts have at most :most bytes together; at least one job.
select message_id, created_at
from (
  select message_id, created_at, bytes,
    sum(bytes) over (order by created_at, message_id) as so_far
  from (
    select message_id, created_at, octet_length(message::text) + coalesce(octet_length(result::text), 0) as bytes
    from (
      -- In parts, as lists are.
      (select message_id, created_at, message, result from dramatiq.queue
       where state <> 'consumed' and tenant = :tenant and (created_at, message_id) > (:after_at, :after_id::uuid)
         and message_id <> :exporting
       order by created_at, message_id limit :limit)
      union all
      (select message_id, created_at, message, result from dramatiq.queue
       where state = 'consumed' and tenant = :tenant and (created_at, message_id) > (:after_at, :after_id::uuid)
         and message_id <> :exporting
       order by created_at, message_id limit :limit)
      order by created_at, message_id limit :limit
    ) as next
  ) as weighed
) as summed
where so_far <= :most or so_far = bytes
order by created_at, message_id;

-- name: files
-- The next files that are results of a tenant's jobs since a time, without archives, each of which would hold all before it.
select file.id, file.job, file.name, file.type, file.bytes, file.sha256
from sooner.file join dramatiq.queue on message_id = file.job
where state = 'done' and tenant = :tenant and queue.created_at >= :since and actor <> 'export_archive'
  and result->'file'->>'id' = file.id::text and file.bytes is not null and file.id > :after
order by file.id limit 100;
