-- name: tenants
-- Who has anything in this database.
select tenant from sooner.api_key
union select tenant from dramatiq.queue where tenant is not null
union select tenant from sooner.upload
union select tenant from sooner.webhook;

-- name: keys
-- The API keys in this database that are good. Which of them carry a locator, their digests do not tell.
select digest, tenant from sooner.api_key
where revoked_at is null and (expires_at is null or expires_at > dramatiq.clock());

-- name: elsewhere
-- Tenants of these that the directory has on another shard, and that are not being moved from or to this one.
select tenant.tenant, tenant.shard
from sooner_directory.tenant
where locator = any(:locators::text[]) and shard <> :shard and previous is distinct from :shard
  and not exists (
    select from sooner_directory.move
    where move.locator = tenant.locator and ended_at is null and :shard in (source, target)
  )
order by tenant;

-- name: name_itself
-- Gives this database the name of a shard, unless it has one.
insert into sooner.shard (name) values (:name) on conflict do nothing;

-- name: add
-- Adds a shard to the directory; without a weight it keeps the one that it has.
insert into sooner_directory.shard as shard (name, weight) values (:name, coalesce(:weight::double precision, 1))
on conflict (name) do update set weight = coalesce(:weight::double precision, shard.weight)
returning weight, is_draining, xmax = 0 as is_new;

-- name: register
-- Adds tenants to the directory that are on a shard already; the row says how many were not there.
with added as (
  insert into sooner_directory.tenant (locator, tenant, shard)
  select locator, tenant, :shard from unnest(:locators::text[], :tenants::text[]) as one (locator, tenant)
  on conflict do nothing
  returning locator
)
select count(*) as added from added;

-- name: register_keys
-- Adds API keys that may carry no locator to the directory.
insert into sooner_directory.key (digest, locator)
select digest, locator from unnest(:digests::bytea[], :locators::text[]) as one (digest, locator)
on conflict (digest) do nothing;

-- name: drain
-- Says whether a shard gets new tenants; no row where there is no such shard.
update sooner_directory.shard set is_draining = :is_draining where name = :name
returning weight, (select count(*) from sooner_directory.tenant where tenant.shard = shard.name) as tenants;

-- name: jobs
-- The jobs of this database that are not final.
select count(*) filter (where state = 'queued') as waiting, count(*) filter (where state = 'consumed') as processing
from dramatiq.queue where state in ('queued', 'consumed');

-- name: moves
-- The moves that have not ended, each with the seconds since it began and since it last got on.
select tenant, source, target, step, extract(epoch from dramatiq.clock() - began_at)::double precision as seconds,
  extract(epoch from dramatiq.clock() - stepped_at)::double precision as idle_seconds
from sooner_directory.move join sooner_directory.tenant using (locator)
where ended_at is null
order by began_at;
