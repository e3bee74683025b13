-- name: own_name
-- The name that this database has as a shard; null where nobody has added it.
select (select name from sooner.shard) as name;
