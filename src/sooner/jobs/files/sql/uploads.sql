-- name: begin
-- An upload begins.
insert into sooner.upload (id, tenant, expires_at)
values (:id, :tenant, dramatiq.clock() + :retention * interval '1 second');

-- name: chunk
-- One piece of an upload.
insert into sooner.chunk (upload, position, data) values (:id, :position, :data);

-- name: complete
-- The upload is whole.
update sooner.upload set bytes = :bytes, sha256 = :sha256 where id = :id;

-- name: discard
-- The upload failed; its pieces go with it.
delete from sooner.upload where id = :id;

-- name: find
-- A whole upload of a tenant.
select id, bytes, sha256 from sooner.upload
where id = :id and tenant is not distinct from :tenant and bytes is not null and expires_at > dramatiq.clock();

-- name: known
-- Which of these are whole uploads of a tenant.
select id from sooner.upload
where id = any(:ids::uuid[]) and tenant is not distinct from :tenant and bytes is not null
  and expires_at > dramatiq.clock();

-- name: read
-- One piece.
select data from sooner.chunk where upload = :id and position = :position;
