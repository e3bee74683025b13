-- name: revision
-- The revision of the schema.
select version_num from sooner.alembic_version;
