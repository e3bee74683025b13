-- name: counts
-- The number of each tenant's jobs that wait in these lanes, or are postponed anywhere; each counted up to :most.
select tenant.name as tenant, (due.number + postponed.number)::integer as waiting
from unnest(:tenants::text[]) as tenant (name)
cross join lateral (
  select sum(counted.number) as number
  from unnest(:lanes::text[]) as lane (name)
  cross join unnest(array[0, 1, 2]::smallint[]) as urgency (priority)
  cross join lateral (
    select count(*) as number
    from (
      select from dramatiq.queue
      where lane = lane.name and priority = urgency.priority and coalesce(tenant, '') = tenant.name
        and state = 'queued' and due_at is null
      limit :most
    ) as job
  ) as counted
) as due
cross join lateral (
  select count(*) as number
  from (
    select from dramatiq.queue
    where tenant = tenant.name and state = 'queued' and due_at is not null
    limit :most
  ) as job
) as postponed;
