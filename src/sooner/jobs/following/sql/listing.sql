-- part: newest
-- The order of lists.
order by created_at desc, message_id desc

-- part: after
-- Behind a position in a list.
(created_at, message_id) < (:before_at, :before_id::uuid)

-- part: looked_at
-- The columns by which a list filters.
message_id, created_at, tenant, state, actor, finished_at, expires_at, mtime

-- part: is_no_copy
-- Whether a row is the job itself, and not a copy that a move between databases has made or left behind.
(tenant is null or tenant <> all(:coming::text[]) and (
        tenant <> all(:left::text[]) or state = 'consumed'
        or mtime >= (select since from sooner.frozen_tenant as frozen where frozen.tenant = reach.tenant)
      ))

-- part: fits
-- Whether a job belongs to the list.
(:state::text is null or state = :state::dramatiq.state)
      and (:actor::text is null or actor = :actor)
      and (finished_at is null or expires_at is null or expires_at > dramatiq.clock())
      and {{is_no_copy}}

-- part: seen
-- The jobs of a reach in their order, each with its place.
select message_id, created_at, fits, place
from (
  select message_id, created_at, row_number() over ({{newest}}) as place,

-- part: page
-- The jobs that fit, and the last job looked at.
where fits or place = :scan
{{newest}} limit :limit

-- name: walk_of_tenant
-- One tenant's jobs, newest first: looks at :scan jobs; the rows are the jobs that fit, and the last job looked at.
{{seen}}
    {{fits}} as fits
  from (
    -- Those that run are few, and in an index of their own: a claim writes to none that a list walks.
    -- Each part with its own order and limit: a member of a union that has a WHERE is not pulled up, but read whole.
    (select {{looked_at}} from dramatiq.queue
     where state <> 'consumed' and tenant = :tenant and {{after}}
     {{newest}} limit :scan)
    union all
    (select {{looked_at}} from dramatiq.queue
     where state = 'consumed' and tenant = :tenant and {{after}}
     {{newest}} limit :scan)
    {{newest}} limit :scan
  ) as reach
) as seen
{{page}};

-- name: walk_of_all
-- All tenants' jobs, newest first: looks at :scan jobs; the rows are the jobs that fit, and the last job looked at.
{{seen}}
    {{fits}} as fits
  from (
    -- Those that run are few, and in an index of their own: a claim writes to none that a list walks.
    -- Each part with its own order and limit: a member of a union that has a WHERE is not pulled up, but read whole.
    (select {{looked_at}} from dramatiq.queue
     where state <> 'consumed' and {{after}}
     {{newest}} limit :scan)
    union all
    (select {{looked_at}} from dramatiq.queue
     where state = 'consumed' and {{after}}
     {{newest}} limit :scan)
    {{newest}} limit :scan
  ) as reach
) as seen
{{page}};

-- name: walk_of_parent
-- The jobs that one job's code submitted, newest first, by an index of their own: looks at :scan of them, answers those that fit and the last one looked at.
{{seen}}
    (:tenant::text is null or tenant = :tenant)
      and {{fits}} as fits
  from (
    select {{looked_at}} from dramatiq.queue
    where parent = :parent::uuid and {{after}}
    {{newest}} limit :scan
  ) as reach
) as seen
{{page}};

-- name: ill_of_tenant
-- One tenant's jobs in a rare final state, by an index of their own, newest first: looks at :scan jobs; rows as above.
{{seen}}
    {{fits}} as fits
  from (
    select {{looked_at}} from dramatiq.queue
    where tenant = :tenant
      and state = :state::text::dramatiq.state
      and state in ('rejected', 'error_resolved', 'cancelled')
      and {{after}}
    {{newest}} limit :scan
  ) as reach
) as seen
{{page}};

-- name: ill_of_all
-- All tenants' jobs in a rare final state, by an index of their own, newest first: looks at :scan jobs; rows as above.
{{seen}}
    {{fits}} as fits
  from (
    select {{looked_at}} from dramatiq.queue
    where state = :state::text::dramatiq.state
      and state in ('rejected', 'error_resolved', 'cancelled')
      and {{after}}
    {{newest}} limit :scan
  ) as reach
) as seen
{{page}};

-- name: live
-- Waiting or processing jobs of one tenant, or of all (null), newest first, from up to :scan such jobs; `gathered` is their number.
with gathered as materialized (
  select message_id, created_at, tenant, actor, state, mtime from dramatiq.queue
  where state = 'queued' and due_at is null and :state = 'queued'
  union all
  select message_id, created_at, tenant, actor, state, mtime from dramatiq.queue
  where state = 'queued' and due_at is not null and :state = 'queued'
  union all
  select message_id, created_at, tenant, actor, state, mtime from dramatiq.queue
  where state = 'consumed' and :state = 'consumed'
  limit :scan
)
select page.message_id, page.created_at, total.gathered
from (select count(*) as gathered from gathered) as total
left join lateral (
  select message_id, created_at from gathered as reach
  where {{after}}
    and (:tenant::text is null or tenant = :tenant) and (:actor::text is null or actor = :actor) and {{is_no_copy}}
  {{newest}} limit :limit
) as page on true
order by page.created_at desc, page.message_id desc;

-- name: light
-- The newest of these jobs, whose texts have at most :most bytes together; at least one job.
select message_id
from (
  select message_id, created_at, bytes,
    sum(bytes) over ({{newest}}) as so_far
  from (
    select message_id, created_at, octet_length(message::text) + coalesce(octet_length(result::text), 0) as bytes
    from dramatiq.queue where message_id = any(:ids::uuid[])
  ) as weighed
) as summed
where so_far <= :most or so_far = bytes
{{newest}};
