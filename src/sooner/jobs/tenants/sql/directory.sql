-- name: places
-- The places of tenants by their locators.
select locator, shard, previous, is_frozen from sooner_directory.tenant where locator = any(:locators::text[]);

-- name: owners
-- The locators of the tenants whose keys have these digests and carry none.
select digest, locator from sooner_directory.key where digest = any(:digests::bytea[]);

-- name: shards
-- All shards, each with the number of its tenants.
select name, weight, is_draining,
  (select count(*) from sooner_directory.tenant where tenant.shard = shard.name) as tenants
from sooner_directory.shard
order by added_at, name;

-- name: copies
-- Where the jobs of tenants that are being moved are copies: at the target until the tenant is there, then at the source.
select tenant.tenant, tenant.shard = move.target as has_left,
  case when tenant.shard = move.target then move.source else move.target end as shard
from sooner_directory.move join sooner_directory.tenant using (locator)
where move.ended_at is null;
