-- name: wait_for_turn
-- Lets one program at a time add shards and tenants.
lock table sooner_directory.shard in share row exclusive mode;

-- name: placed
-- Who has this locator, and where.
select tenant, shard, previous, is_frozen from sooner_directory.tenant where locator = :locator;

-- name: place
-- Puts a tenant on the shard with the most room; no row where none has any.
insert into sooner_directory.tenant (locator, tenant, shard)
select :locator, :tenant, name
from sooner_directory.shard
where not is_draining and weight > 0
order by (select count(*) from sooner_directory.tenant where tenant.shard = shard.name) / weight, added_at, name
limit 1
returning tenant, shard, previous, is_frozen;
