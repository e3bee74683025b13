-- name: revision
-- The revision of the schema.
select version_num from public.alembic_version;
