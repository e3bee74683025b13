-- name: jobs
-- Removes jobs that do not run, with what belongs to them.
with those as materialized (
  select message_id from dramatiq.queue where message_id = any(:ids::uuid[]) and state <> 'consumed'
), files as materialized (
  select id from sooner.file where job in (select message_id from those)
), blobs as (
  -- With its file: a blob without one is an orphan, and the cleaning would remove its object.
  delete from sooner.blob where id in (select id from files)
), removed_files as (
  delete from sooner.file where id in (select id from files)
)
delete from dramatiq.queue where message_id in (select message_id from those);

-- name: uploads
-- Removes the uploads of a tenant.
with those as materialized (
  select id from sooner.upload where tenant = :tenant::text
), blobs as (
  delete from sooner.blob where id in (select id from those)
)
delete from sooner.upload where id in (select id from those);

-- name: api_keys
-- Removes the keys of a tenant, and with them its tokens.
delete from sooner.api_key where tenant = :tenant::text;

-- name: webhooks
-- Removes the webhooks of a tenant.
delete from sooner.webhook where tenant = :tenant::text;
