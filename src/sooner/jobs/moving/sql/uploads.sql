-- name: whole
-- The whole uploads of a tenant, each with its bytes.
select id, bytes from sooner.upload where tenant = :tenant::text and bytes is not null;
