-- name: create
-- A tenant registers an endpoint; no row where it has :most already.
insert into sooner.webhook (id, tenant, url, events, secret)
select :id, :tenant::text, :url, :events, :secret
where (select count(*) from sooner.webhook where tenant = :tenant::text) < :most
returning id;

-- name: list
-- A tenant's endpoints, newest first.
select id, url, events, created_at, disabled_at from sooner.webhook
where tenant = :tenant order by created_at desc, id desc;

-- name: delete
-- A tenant takes an endpoint away; no row where it has none of this id.
delete from sooner.webhook where id = :id and tenant = :tenant returning id;

-- name: find
-- An endpoint that is still to be told.
select url, secret from sooner.webhook where id = :id and disabled_at is null;

-- name: disable
-- The endpoint said that it is gone.
update sooner.webhook set disabled_at = dramatiq.clock() where id = :id and disabled_at is null;
