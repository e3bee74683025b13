-- name: place
-- Where a tenant is.
select locator, shard, previous from sooner_directory.tenant where tenant = :tenant;

-- name: shards
-- The shards of the directory.
select name from sooner_directory.shard order by name;

-- name: unfinished
-- The move of a tenant that is under way.
select id, source, target from sooner_directory.move where locator = :locator and ended_at is null;

-- name: begin
-- Begins a move from where the tenant is; no row where it is elsewhere by now, or is being moved.
insert into sooner_directory.move (id, locator, source, target, step)
select :id, locator, shard, :target, 'begun' from sooner_directory.tenant where locator = :locator and shard = :source
on conflict do nothing
returning id;

-- name: take
-- Makes a move this mover's: whoever took its steps before takes none any more.
update sooner_directory.move
set detail = detail || jsonb_build_object('mover', :mover::text), stepped_at = dramatiq.clock()
where id = :id and ended_at is null
returning step, detail::text as detail;

-- part: noted
-- A step of the move, with what is to be known of it later.
sooner_directory.move set step = :step, detail = detail || :detail::text::jsonb, stepped_at = dramatiq.clock()

-- part: mine
-- The move, while it is this mover's.
id = :id and detail->>'mover' = :mover::text and ended_at is null

-- name: note
-- Notes a step; no row where the move is another mover's by now.
update {{noted}} where {{mine}} returning id;

-- name: note_frozen
-- Notes a step, and whether the tenant is frozen.
with noted as (
  update {{noted}} where {{mine}} returning id, locator
)
update sooner_directory.tenant set is_frozen = :is_frozen from noted where tenant.locator = noted.locator returning noted.id;

-- name: switch
-- Brings the tenant to its target: before this statement it has not moved, after it it has.
with noted as (
  update {{noted}} where {{mine}} and step = 'switching' returning id, locator, source, target
)
update sooner_directory.tenant
set shard = noted.target, previous = noted.source, is_frozen = false, placed_at = dramatiq.clock()
from noted where tenant.locator = noted.locator and tenant.shard = noted.source
returning noted.id;

-- name: has_switched
-- The move, where this mover has brought the tenant to its target.
select id from sooner_directory.move where {{mine}} and step = 'switched';

-- name: end
-- Ends the move.
with noted as (
  update {{noted}}, ended_at = dramatiq.clock() where {{mine}} returning id, locator
)
update sooner_directory.tenant set previous = null, is_frozen = false from noted where tenant.locator = noted.locator
returning noted.id;
