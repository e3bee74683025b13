-- name: create
-- Stores a new API key's digest.
insert into sooner.api_key (id, tenant, name, scopes, digest, expires_at)
values (:id, :tenant, :name, :scopes, :digest, dramatiq.clock() + :seconds * interval '1 second')
returning id, expires_at;

-- name: find
-- The key with this digest, if it is valid now.
select id, tenant, scopes, extract(epoch from expires_at - dramatiq.clock())::double precision as seconds_left
from sooner.api_key
where digest = :digest and revoked_at is null and (expires_at is null or expires_at > dramatiq.clock());

-- name: holder
-- The key with this id, if it is valid now.
select tenant, scopes from sooner.api_key
where id = :id and revoked_at is null and (expires_at is null or expires_at > dramatiq.clock());

-- name: list
-- All keys, newest first.
select id, tenant, name, scopes, created_at, expires_at, revoked_at, last_used_at
from sooner.api_key order by created_at desc, id desc;

-- name: revoke
-- Revokes a key; no row where there is no valid key.
update sooner.api_key set revoked_at = dramatiq.clock() where id = :id and revoked_at is null returning id;

-- name: used
-- Notes that keys were used now.
update sooner.api_key set last_used_at = dramatiq.clock() where id = any(:ids::uuid[]);

-- name: create_token
-- Stores a new token's digest; it ends with its key at the latest. No row where the key is not valid any more.
insert into sooner.token (id, key, digest, expires_at)
select :id, key.id, :digest, least(dramatiq.clock() + :seconds * interval '1 second', key.expires_at)
from sooner.api_key as key
where key.id = :key and revoked_at is null and (expires_at is null or expires_at > dramatiq.clock())
returning expires_at;

-- name: find_token
-- The key behind the token with this digest, if both are valid now.
select key.id, key.tenant, array['jobs'] as scopes,
  extract(epoch from least(token.expires_at, key.expires_at) - dramatiq.clock())::double precision as seconds_left
from sooner.token join sooner.api_key as key on key.id = token.key
where token.digest = :digest and token.expires_at > dramatiq.clock()
  and key.revoked_at is null and (key.expires_at is null or key.expires_at > dramatiq.clock());
