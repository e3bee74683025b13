-- name: create
-- Registers an endpoint of a tenant; no row where it has :most endpoints.
insert into sooner.webhook (id, tenant, url, events, secret)
select :id, :tenant::text, :url, :events, :secret
where (select count(*) from sooner.webhook where tenant = :tenant::text) < :most
returning id;

-- name: list
-- A tenant's endpoints, newest first.
select id, url, events, created_at, disabled_at from sooner.webhook
where tenant = :tenant order by created_at desc, id desc;

-- name: delete
-- Removes an endpoint of a tenant; no row where it has no such endpoint.
delete from sooner.webhook where id = :id and tenant = :tenant returning id;

-- name: status
-- Whether a tenant's endpoint is disabled; no row where the tenant has no such endpoint.
select disabled_at from sooner.webhook where id = :id and tenant = :tenant;

-- name: reaches_private
-- Whether a living worker connects to private addresses.
select exists (
  select from sooner.worker
  where expires_at > dramatiq.clock() and declared @> '{"deliver_webhook": {"reaches_private": true}}'
) as reaches_private;

-- name: find
-- An endpoint that is not disabled.
select url, secret from sooner.webhook where id = :id and disabled_at is null;

-- name: disable
-- Disables an endpoint that answered that it is gone.
update sooner.webhook set disabled_at = dramatiq.clock() where id = :id and disabled_at is null;
