-- name: begin
-- Notes an object before it is written.
insert into sooner.blob (id, store, key) values (:id, :store, :key);

-- name: complete
-- Notes that an object is written; no row where the cleaning took it for an orphan.
update sooner.blob set whole = true where id = :id returning id;

-- name: find
-- Reads where a whole object lies.
select store, key from sooner.blob where id = :id and whole;

-- name: orphans
-- Reads objects without an upload or file, oldest first. An unfinished object may be written yet: it is removed again for a day.
select id, store, key, whole or created_at < dramatiq.clock() - interval '1 day' as is_settled
from sooner.blob
where id > :after and store <> all(:away::text[])
  and not exists (select from sooner.upload where upload.id = blob.id)
  and not exists (select from sooner.file where file.id = blob.id)
order by id
limit :batch;

-- name: forget
-- Forgets removed objects.
delete from sooner.blob where id = any(:ids::uuid[]);
