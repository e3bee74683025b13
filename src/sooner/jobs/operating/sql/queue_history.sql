-- name: taken
-- Whether this moment's samples were taken already.
select 1 as taken from sooner.sample where at = date_bin(:step * interval '1 second', dramatiq.clock(), 'epoch') limit 1;

-- name: take
-- Adds a sample of the queues, one a step from any process; removes samples older than :kept seconds.
with old as (
  delete from sooner.sample where at < dramatiq.clock() - :kept * interval '1 second'
)
insert into sooner.sample (at, queue, waiting, processing, finished, oldest)
select date_bin(:step * interval '1 second', dramatiq.clock(), 'epoch'), queue, waiting, processing, finished, oldest
from unnest(:queue::text[], :waiting::bigint[], :processing::bigint[], :finished::bigint[], :oldest::double precision[])
  as sample (queue, waiting, processing, finished, oldest)
on conflict do nothing;

-- name: history
-- The samples of the last :seconds seconds, in steps of :step seconds, the highest value of each.
select queue, extract(epoch from date_bin(:step * interval '1 second', at, 'epoch'))::bigint as at,
  max(waiting) as waiting, max(processing) as processing, max(finished) as finished, max(oldest) as oldest
from sooner.sample
where at > dramatiq.clock() - :seconds * interval '1 second'
group by queue, date_bin(:step * interval '1 second', at, 'epoch')
order by queue, 2;
