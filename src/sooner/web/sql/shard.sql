-- name: name
-- The database's own name; null where nobody gave it one.
select (select name from sooner.shard) as name;
