-- name: limits
-- Connections that the server, this database and this role allow, and those in use; null where there is no limit.
with used as materialized (
  select usename = current_user as of_role, datname = current_database() as of_database, application_name
  from pg_stat_activity
  -- The type of another role's backend is shown to its members alone.
  where coalesce(backend_type = 'client backend', usesysid is not null and datid is not null)
)
select current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
    - coalesce(current_setting('reserved_connections', true)::integer, 0) as server,
  (select count(*) from used) as used,
  (select nullif(datconnlimit, -1) from pg_database where datname = current_database()) as database,
  (select count(*) from used where of_database) as used_of_database,
  (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user) as role,
  (select count(*) from used where of_role) as used_of_role,
  (select count(*) from used where of_database and application_name = 'sooner web listen') as web,
  (select count(*) from used where of_database and application_name = 'sooner lease') as worker,
  (select count(*) from used where of_database and application_name = 'sooner scheduler') as scheduler,
  exists (select from used where of_database and application_name = 'sooner ping') as is_shard,
  exists (select from used where of_database and application_name = 'sooner directory listen') as is_home
