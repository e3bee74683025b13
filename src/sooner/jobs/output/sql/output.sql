-- name: write
-- Adds the pieces of attempts that still hold their jobs, and forgets the pieces of earlier attempts at these jobs.
-- `expected` is the number of the attempt's last piece. Pieces that an earlier try has added, whose answer was lost, are not added again.
with attempt as (
  select attempt.nth, attempt.job, held.actor, attempt.fence, attempt.expected, attempt.start, attempt.count,
    coalesce(newest.number, 0) as newest,
    case when attempt.expected is null then newest.fence is distinct from attempt.fence
      else newest.number = attempt.expected end as is_new
  from unnest(:job::uuid[], :fence::bigint[], :expected::bigint[], :start::bigint[], :count::bigint[])
    with ordinality as attempt (job, fence, expected, start, count, nth)
  cross join lateral (
    select actor from dramatiq.queue
    where message_id = attempt.job and fence = attempt.fence
      -- As text: else the planner may walk the index of all processing jobs.
      and state::text = 'consumed'
    -- One look-up for each: a plan made while there are few jobs would walk through all of them, and be kept.
    offset 0
  ) as held
  left join lateral (
    select number, fence from sooner.output
    -- From the last known piece on: a walk back through an index reads all of a page's entries that fit before it gives the first.
    where output.job = attempt.job and number >= coalesce(attempt.expected, 0)
    order by number desc limit 1
  ) as newest on true
), forgotten as (
  delete from sooner.output using attempt
  where attempt.is_new and attempt.expected is null and output.job = attempt.job
), added as (
  insert into sooner.output (job, number, fence, piece)
  select attempt.job, attempt.newest + piece.number - attempt.start, attempt.fence, piece.text
  from unnest(:nth::bigint[], string_to_array(:pieces, chr(30), '')) with ordinality as piece (nth, text, number)
  join attempt on attempt.nth = piece.nth and attempt.is_new
), counted as (
  insert into sooner.attempt_tally
    (actor, outcome, began_at, ended_at, waited, took, attempts, seconds_waited, seconds_taken)
  select actor, 'output', now.began, now.began, null, 0, sum(count), null, 0
  from attempt cross join (select date_bin('5 minutes', dramatiq.clock(), 'epoch')) as now (began)
  where is_new
  group by actor, now.began
), told as (
  -- A notification has less than 8,000 bytes.
  select count(pg_notify('sooner.output', ids)) from (
    select string_agg(job::text, ',') as ids from attempt where is_new group by (nth - 1) / 200
  ) as together
)
select nth, case when is_new then newest + count else newest end as last, (select count from told) as told
from attempt;

-- name: move
-- Gives the pieces of an attempt its new fence: a crash of the server undid its claim, and it was claimed once more.
update sooner.output set fence = :fence where job = :job and fence = :before;

-- name: read
-- The next pieces for each place: a job, and the number of the last piece that its reader has.
-- `is_there` is false where the reader's last piece is forgotten: a new attempt puts out from the beginning.
-- `is_more` is true where pieces were left out, as too many or as too large: where there is no `first`, one alone is larger than :most.
-- A page of the attempt that put out the reader's last piece, whose fence is `fence`, proves that the piece is there.
select place.nth, page.first, page.last, page.pieces, page.fence, page.is_more,
  place.after = 0 or page.fence = place.fence or exists (
    select from sooner.output as own
    where own.job = place.job and own.number = place.after and (job.state::text <> 'done' or own.fence = job.fence)
  ) as is_there
from unnest(:job::uuid[], :after::bigint[], :fence::bigint[]) with ordinality as place (job, after, fence, nth)
cross join lateral (
  -- One look-up for each, as above.
  select state, fence from dramatiq.queue where message_id = place.job offset 0
) as job
cross join lateral (
  select min(number) filter (where bytes <= :most) as first, max(number) filter (where bytes <= :most) as last,
    -- A bare column: with an expression and a filter PostgreSQL would sort each page once more.
    string_agg(piece, chr(10) order by number) filter (where bytes <= :most) as pieces,
    min(fence) as fence, count(*) = :limit or max(bytes) > :most as is_more
  from (
    select number, coalesce(piece, '') as piece, fence,
      -- Known without reading the piece.
      sum(coalesce(octet_length(piece), 0)) over (order by number rows unbounded preceding) as bytes
    from sooner.output
    -- Where the attempt that ended well put out nothing, the pieces are those of an attempt that failed.
    where output.job = place.job and number > place.after and (job.state::text <> 'done' or output.fence = job.fence)
    order by number limit :limit
  ) as next
) as page;
