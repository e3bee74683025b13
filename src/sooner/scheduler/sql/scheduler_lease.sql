-- name: take
-- Takes the lease if it is free; otherwise the row has the seconds for which it is held.
with taken as (
  update sooner.lease
  set holder = :holder, holder_name = :holder_name, fence = fence + 1, taken_at = dramatiq.clock(),
    beat_at = dramatiq.clock(), expires_at = dramatiq.clock() + :seconds * interval '1 second'
  where name = 'scheduler' and expires_at <= dramatiq.clock()
  returning fence
)
select (select fence from taken) as fence, dramatiq.clock() as now, holder_name,
  extract(epoch from greatest(expires_at, dramatiq.clock()) - dramatiq.clock())::double precision as seconds_left
from sooner.lease
where name = 'scheduler';

-- name: beat
-- Extends the lease; no row where another scheduler has taken it.
update sooner.lease
set beat_at = dramatiq.clock(), expires_at = dramatiq.clock() + :seconds * interval '1 second'
where name = 'scheduler' and holder = :holder and fence = :fence
returning dramatiq.clock() as now;

-- name: release
-- Releases the lease, so that a standby need not wait until it expires.
update sooner.lease
set holder = null, holder_name = null, expires_at = dramatiq.clock()
where name = 'scheduler' and holder = :holder and fence = :fence;
