-- name: freeze
-- Freezes a tenant, or changes the reason and the end of its freeze; without :seconds it holds until the thaw. The row has its end.
insert into sooner.frozen_tenant as frozen (tenant, reason, until)
values (:tenant, :reason, coalesce(dramatiq.clock() + :seconds::double precision * interval '1 second', 'infinity'))
on conflict (tenant) do update
set reason = excluded.reason, until = excluded.until,
  since = case when frozen.until > dramatiq.clock() then frozen.since else excluded.since end
returning until;

-- name: take
-- Makes a freeze the caller's: whoever had it before renews it no more.
update sooner.frozen_tenant set since = clock_timestamp() where tenant = :tenant returning since;

-- name: renew
-- Puts off the end of a freeze that still holds and is the caller's, and never brings it nearer; no row where it has ended.
update sooner.frozen_tenant
set until = greatest(until, coalesce(dramatiq.clock() + :seconds::double precision * interval '1 second', 'infinity'))
where tenant = :tenant and since = :mark and until > dramatiq.clock()
returning until;

-- name: thaw
-- Ends a freeze, and wakes those who claim waiting jobs; the row says whether there was one.
-- All lanes with waiting jobs are woken: a walk from lane to lane reads a row each, a look for the tenant's jobs all that it has.
with recursive thawed as (
  delete from sooner.frozen_tenant where tenant = :tenant returning until
), busy (lane) as (
  (select lane from dramatiq.queue where state = 'queued' and due_at is null order by lane limit 1)
  union all
  select (
    select lane from dramatiq.queue
    where state = 'queued' and due_at is null and lane > busy.lane order by lane limit 1
  )
  from busy where busy.lane is not null
), woken as (
  select pg_notify(channel, 'back') from (
    select 'dramatiq.' || lane || '.enqueue' from busy where lane is not null
    union all
    select 'sooner.postponed'
    where exists (select from dramatiq.queue where tenant = :tenant and state = 'queued' and due_at is not null)
  ) as channels (channel)
)
select exists (select from thawed) as was_there, (select count(*) from woken) as woken;

-- name: reason
-- Why a tenant is frozen; no row where it is not.
select reason from sooner.frozen_tenant where tenant = :tenant and until > dramatiq.clock();

-- name: frozen
-- The tenants whose jobs wait. Those that are gone have no jobs here, and their rows stay: a claim would read all of them.
select frozen.tenant from sooner.frozen_tenant as frozen
where frozen.reason <> 'gone' and frozen.until > dramatiq.clock();
