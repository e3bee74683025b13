-- name: begin
-- Begins an upload.
insert into sooner.upload (id, tenant, expires_at)
values (:id, :tenant, dramatiq.clock() + :retention * interval '1 second');

-- name: chunk
-- Adds a piece to an upload.
insert into sooner.chunk (upload, position, data) values (:id, :position, :data);

-- name: complete
-- Completes an upload.
update sooner.upload set bytes = :bytes, sha256 = :sha256 where id = :id;

-- name: discard
-- Removes a failed upload with its pieces.
delete from sooner.upload where id = :id;

-- name: find
-- Reads a complete upload of a tenant.
select id, bytes, sha256 from sooner.upload
where id = :id and tenant is not distinct from :tenant and bytes is not null and expires_at > dramatiq.clock();

-- name: known
-- Reads which of these ids are complete uploads of a tenant.
select id from sooner.upload
where id = any(:ids::uuid[]) and tenant is not distinct from :tenant and bytes is not null
  and expires_at > dramatiq.clock();

-- name: read
-- Reads one piece of an upload.
select data from sooner.chunk where upload = :id and position = :position;
