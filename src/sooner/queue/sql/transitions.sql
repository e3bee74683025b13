-- The statements that change a job's state, in the order of its life; ops/docs/states.md draws them.

-- part: tell_followers
-- Notifies the followers of the changed jobs.
pg_notify('sooner.changed', string_agg(message_id::text, ','))

-- part: tell_webhooks
-- Adds the deliveries of a job's end to its tenant's webhooks; null where the job goes on, or the tenant has no webhook.
case when state not in ('queued', 'consumed')
    and exists (select from sooner.webhook where webhook.tenant = changed.tenant)
    then sooner.tell_webhooks(message_id, tenant, state) end

-- part: round
-- The current round of a flow, which is the time where no job waits.
coalesce(
      (select queue.turn from dramatiq.queue
       where queue.state = 'queued' and queue.due_at is null and queue.lane = flow.lane
         and queue.priority = flow.priority and queue.turn >= flow.since
       order by queue.priority, queue.turn, queue.message_id limit 1),
      (extract(epoch from clock_timestamp()) * 1000000)::bigint
    )

-- part: turn
-- The round behind the waiting jobs of the flow.
coalesce(
    (select queue.turn + 1 from dramatiq.queue
     where queue.state = 'queued' and queue.due_at is null and queue.lane = flow.lane
       and queue.priority = flow.priority and coalesce(queue.tenant, '') = coalesce(flow.tenant, '')
       and queue.turn >= round
     order by queue.turn desc limit 1),
    round
  )

-- part: refused
-- Why jobs of a kind are refused: their tenant moves to another database. While it leaves, its running jobs still submit.
(
    select reason from sooner.frozen_tenant as frozen
    where frozen.tenant = kind.tenant and until > dramatiq.clock() and not (reason = 'leaving' and kind.of_job)
  )

-- part: kinds
-- The flows and the kinds of new jobs.
with flow as materialized (
  select number, round, {{turn}} as turn
  from unnest(:flow_lane::text[], :flow_priority::smallint[], :flow_tenant::text[], :flow_since::bigint[])
    with ordinality as flow (lane, priority, tenant, since, number)
  cross join lateral (
    select {{round}}
    offset 0
  ) as known (round)
), kind as materialized (
  select number, flow, queue_name, lane, actor, tenant, priority, retention * interval '1 second' as retention,
    {{refused}} as refused
  from unnest(:queue_name::text[], :lane::text[], :actor::text[], :tenant::text[], :priority::smallint[],
      :retention::double precision[], :of_job::boolean[], :flow::integer[])
    with ordinality as kind (queue_name, lane, actor, tenant, priority, retention, of_job, flow, number)
)

-- part: new_columns
-- The columns of a new job.
message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent, run_at, due_at,
    cancel_at, expires_at, idempotency_key, fingerprint, limit_key, unique_key, sealed, parent, turn

-- part: new_values
-- Their values.
job.message_id, kind.queue_name, kind.lane, kind.actor, job.message, kind.tenant, kind.priority,
    job.request_id, job.traceparent, due.due_at, due.due_at,
    dramatiq.clock() + job.cancel_after * interval '1 second',
    coalesce(due.due_at, dramatiq.clock()) + kind.retention,
    job.idempotency_key, job.fingerprint, job.limit_key, job.unique_key, job.sealed, job.parent,
    case when due.due_at is null then flow.turn + job.place end

-- part: new_jobs
-- The jobs to add, with their kinds.
-- A column that every job fills comes as one text. Shorter arrays are filled up with nulls.
  from unnest(
    string_to_array(:message_id, chr(30))::uuid[], string_to_array(:message, chr(30))::jsonb[],
    string_to_array(:request_id, chr(30), ''), string_to_array(:traceparent, chr(30), ''),
    :kind::integer[], :place::integer[], :run_at::timestamptz[], :delay::double precision[],
    :cancel_after::double precision[], :idempotency_key::text[], :fingerprint::bytea[], :limit_key::text[],
    :unique_key::text[], :sealed::jsonb[], :parent::uuid[]
  ) as job (message_id, message, request_id, traceparent, kind, place, run_at, delay, cancel_after,
      idempotency_key, fingerprint, limit_key, unique_key, sealed, parent)
  join kind on kind.number = job.kind and kind.refused is null
  join flow on flow.number = kind.flow
  cross join lateral (
    select coalesce(job.run_at, dramatiq.clock() + job.delay * interval '1 second')
  ) as start (starts)
  cross join lateral (
    select case when starts > dramatiq.clock() then starts end
  ) as due (due_at)

-- part: added
-- Leaves out jobs that are there; the row is one for all jobs, with the values that they share.
on conflict do nothing
  returning message_id, lane, due_at
)
-- One row for all jobs, with the values that they share; it lists the added jobs only where not all were added.
select dramatiq.clock() as created_at,
  (select array_agg(round order by number) from flow) as rounds,
  (select array_agg(turn order by number) from flow) as turns,
  case when count(*) < :count::integer then coalesce(array_agg(message_id), '{}') end as added,
  array_agg(message_id) filter (where due_at is not null) as postponed,
  array_agg(due_at) filter (where due_at is not null) as due_at,
  (select array_agg(refused order by number) from kind having count(refused) > 0) as refused,
  (select count(pg_notify(channel, '')) from (
    select distinct case when due_at is null then 'dramatiq.' || lane || '.enqueue' else 'sooner.postponed' end
    from added
  ) as channels (channel)) as notified
from added

-- name: enqueue
-- Adds jobs, as many as callers share this statement; a row is what dramatiq-pg's broker.enqueue writes, widened.
-- A job whose id or key exists already is not added.
{{kinds}}, added as (
  insert into dramatiq.queue ({{new_columns}})
  select {{new_values}}
  {{new_jobs}}
  {{added}};

-- name: enqueue_notified
-- The same where a mail is to be sent at the end of some of the jobs: the schema before knows no such column.
{{kinds}}, added as (
  insert into dramatiq.queue ({{new_columns}}, notify)
  select {{new_values}}, asked.notify
  {{new_jobs}}
  left join unnest(:notified::uuid[], :notify::jsonb[]) as asked (id, notify) on asked.id = job.message_id
  {{added}};

-- name: enqueue_alike
-- The same for new jobs of one kind without optional columns, as most are: a fifth less work in a batch of 32.
-- None of the jobs may exist already: second tries use `enqueue`.
with flow as materialized (
  select round, {{turn}} as turn, refused
  from (
    select lane, priority, tenant, since, {{refused}} as refused
    from (select :lane::text, :priority::smallint, :tenant::text, :since::bigint, :of_job::boolean)
      as kind (lane, priority, tenant, since, of_job)
  ) as flow
  cross join lateral (
    select {{round}}
    offset 0
  ) as known (round)
), added as (
  insert into dramatiq.queue
    (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent, expires_at, turn)
  select
    job.message_id, :queue_name::text, :lane, :actor::text, job.message, :tenant, :priority,
    job.request_id, job.traceparent, dramatiq.clock() + :retention::double precision * interval '1 second',
    flow.turn + job.number - 1
  from flow cross join unnest(
    string_to_array(:message_id, chr(30))::uuid[], string_to_array(:message, chr(30))::jsonb[],
    string_to_array(:request_id, chr(30), ''), string_to_array(:traceparent, chr(30), '')
  ) with ordinality as job (message_id, message, request_id, traceparent, number)
  where flow.refused is null
)
select dramatiq.clock() as created_at, array[round] as rounds, array[turn] as turns,
  case when refused is not null then '{}'::uuid[] end as added, null::uuid[] as postponed, null::timestamptz[] as due_at,
  case when refused is not null then array[refused] end as refused,
  case when refused is null then pg_notify('dramatiq.' || :lane || '.enqueue', '') end as notified
from flow;

-- name: fire
-- Fires a tick once: adds its row and its job, or neither. Needs the lease, and locks it until the commit.
-- While workers live but none knows the actor, one job may wait for a worker that does; no second job is added.
with lease as materialized (
  select fence from sooner.lease
  where name = 'scheduler' and holder = :holder and fence = :fence and expires_at > dramatiq.clock()
  for share
), living as (
  select actors from sooner.worker where expires_at > dramatiq.clock()
), wanted as (
  select :job::uuid is null or not exists (select from living)
    or exists (select from living where actors is null or actors ? :actor)
    or not exists (
      select from sooner.unknown_actor
      where name = :actor and given_up_at > dramatiq.clock() - interval '1 day'
    ) and not exists (
      select from (
        select job from sooner.tick where schedule = :schedule and job is not null order by tick desc limit 1
      ) as last
      join dramatiq.queue as job on job.message_id = last.job and job.state = 'queued'
    ) as is_wanted
), fired as (
  insert into sooner.tick (schedule, tick, fence, job)
  select :schedule, :tick, fence, :job from lease where (select is_wanted from wanted)
  on conflict do nothing
  returning job
), added as (
  insert into dramatiq.queue (message_id, queue_name, lane, actor, message, request_id, traceparent, turn)
  select job, :queue_name, :queue_name, :actor, :message::jsonb, :request_id, :traceparent,
    dramatiq.next_turn(:queue_name, 1::smallint, null)
  from fired where job is not null
  returning lane
), woken as (
  -- As one that came back: where nobody waits its round is earlier than those of enqueued jobs.
  select pg_notify('dramatiq.' || lane || '.enqueue', 'back') from added
)
select exists (select from lease) as led, exists (select from fired) as fired, (select is_wanted from wanted) as is_wanted,
  (select count(*) from woken) as woken;

-- part: may_claim
-- Whether the worker still has its lease, and the queue is not paused.
exists (select from sooner.worker where id = :worker)
    and not exists (select from sooner.queue where name = :queue and paused)

-- part: due
-- The jobs of a lane that are due.
lane = :lane and state = 'queued' and due_at is null

-- part: claimable
-- Those of them that a worker takes.
{{due}} and actor = any(:actors::text[]) and {{stays}}

-- part: held
-- The columns with which a worker begins a job that it holds.
message_id, queue_name, actor, message::text as message, sealed::text as sealed, tenant, priority, turn, created_at, request_id,
  traceparent, attempts, crashes, fence, limit_key,
  extract(epoch from dramatiq.clock() - coalesce(run_at, created_at))::double precision as age

-- part: take
-- Gives the candidates to the worker.
update dramatiq.queue
set state = 'consumed', worker = :worker,
  -- By the clock: a claim that a crash or a failover took back never shares its number with the next one.
  fence = greatest(fence + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint),
  attempts = attempts + 1, version = version + 1,
  started_at = dramatiq.clock(), mtime = dramatiq.clock(), progress = null
where ctid = any(array(select ctid from candidate))
returning {{held}}

-- part: within_threads
-- Of the first jobs, those that run without a thread, and as many others as threads are free.
candidate as (
  select ctid from head where actor <> all(:threaded::text[])
  union all
  (select ctid from head where actor = any(:threaded) limit :threads)
)

-- name: claim
-- Takes up to :batch due jobs of one lane for one worker: by priority, then round robin between tenants, then age.
with head as (
  select ctid, actor
  from dramatiq.queue
  where {{claimable}}
    and {{may_claim}}
  order by priority, turn, message_id
  limit :batch
  for update skip locked
), {{within_threads}}
{{take}};

-- name: claim_since
-- The same, from a given round on for each priority: the walk skips jobs that were claimed in earlier rounds.
with urgency as (
  select (number - 1)::smallint as priority, since
  from unnest(:since::bigint[]) with ordinality as urgency (since, number)
  where {{may_claim}}
), head as (
  select first.ctid, first.actor
  from urgency cross join lateral (
    select ctid, actor from dramatiq.queue
    where {{claimable}} and priority = urgency.priority and turn >= urgency.since
    order by priority, turn, message_id
    limit :batch
    for update skip locked
  ) as first
  limit :batch
), {{within_threads}}
{{take}};

-- name: claim_aged
-- Takes up to :batch jobs of lower priorities whose first job has waited a minute: age prevents starvation.
with urgency as (
  select priority from (values (2::smallint), (1::smallint)) as lower (priority)
  where {{may_claim}}
    and (
      select greatest(created_at, run_at) from dramatiq.queue
      where {{due}} and priority = lower.priority
      order by priority, turn, message_id limit 1
    ) < dramatiq.clock() - interval '1 minute'
), head as (
  select first.ctid, first.actor
  from urgency cross join lateral (
    select ctid, actor from dramatiq.queue
    where {{claimable}} and priority = urgency.priority
    order by priority, turn, message_id
    limit :batch
    for update skip locked
  ) as first
  limit :batch
), {{within_threads}}
{{take}};

-- part: open
-- The keys under which jobs may begin now, locked, with the number of jobs that their limits still allow.
open as materialized (
  select key, room
  from sooner."limit"
  cross join lateral (
    select least(
      most - running,
      floor(burst - greatest(0, extract(epoch from next_at - dramatiq.clock()) / interval_seconds))::integer
    ) as room
  ) as allowed
  where key = any(:keys::text[]) and room > 0
    and {{may_claim}}
  for update of "limit" skip locked
)

-- part: first_of_keys
-- Up to :batch jobs of the open keys and the range of priorities, in the order of all their jobs.
{{open}}, wanted as (
  select key, count(*) as jobs
  from (
    select open.key
    from urgency cross join open cross join lateral (
      select priority, turn, message_id from dramatiq.queue
      where {{claimable}} and limit_key = open.key and priority between urgency.first and urgency.last
      order by priority, turn, message_id
      limit least(open.room, :batch)
    ) as job
    order by job.priority, job.turn, job.message_id
    limit :batch
  ) as best
  group by key
), candidate as (
  -- Walked again for the locks: a job that another claim took meanwhile must not fill a place.
  select job.ctid
  from urgency cross join wanted cross join lateral (
    select ctid from dramatiq.queue
    where {{claimable}} and limit_key = wanted.key and priority between urgency.first and urgency.last
    order by priority, turn, message_id
    limit wanted.jobs
    for update skip locked
  ) as job
)

-- name: claim_limited
-- Takes up to :batch due jobs of a limited lane in their order: under each key as many as its limit still allows.
with urgency as (select 0::smallint as first, 2::smallint as last), {{first_of_keys}}
{{take}};

-- name: claim_limited_aged
-- The same for the lower priority whose first job has waited longest, a minute at least.
with urgency as (
  select lower.priority as first, lower.priority as last
  from (values (1::smallint), (2::smallint)) as lower (priority)
  cross join lateral (
    select greatest(created_at, run_at) as since from dramatiq.queue
    where {{due}} and priority = lower.priority
    order by priority, turn, message_id limit 1
  ) as eldest
  where since < dramatiq.clock() - interval '1 minute'
  order by since limit 1
), {{first_of_keys}}
{{take}};

-- name: unknown
-- The jobs that a worker holds without knowing, because the answer to its claim was lost with the connection.
select {{held}}
from dramatiq.queue
where state = 'consumed' and worker = :worker and message_id <> all(:known::uuid[])
limit :batch;

-- part: attempt
-- The columns of `changed` by which an ended attempt is counted.
job.actor, job.started_at, job.attempts, greatest(job.created_at, job.run_at) as was_due_at

-- part: tally
-- Counts the ended attempts of `changed`: a row for those that are alike. A job waits until its first attempt.
insert into sooner.attempt_tally
    (actor, outcome, began_at, ended_at, waited, took, attempts, seconds_waited, seconds_taken)
  select actor, outcome, date_bin('5 minutes', started_at, 'epoch'), date_bin('5 minutes', dramatiq.clock(), 'epoch'),
    sooner.at_most(seconds_waited), sooner.at_most(seconds_taken), count(*), sum(seconds_waited), sum(seconds_taken)
  from (
    select actor, outcome, started_at,
      date_part('epoch', dramatiq.clock() - started_at) as seconds_taken,
      case when attempts = 1 then date_part('epoch', started_at - was_due_at) end as seconds_waited
    from changed where outcome is not null
  ) as attempt
  group by 1, 2, 3, 5, 6

-- part: limits_locked
-- True, once the limits under which the jobs run are locked in the order of their keys. Else the trigger locks them in the
-- order in which jobs happen to end, and two statements wait for each other.
(select count(*) from (
      select from sooner."limit" where key = any(:limit_keys::text[]) order by key collate "C" for update
    ) as locked) is not null

-- part: end
-- Writes the endings of jobs that are still held under the same fence.
update dramatiq.queue as job
  set state = outcome.state, result = outcome.result, error = outcome.error, raised = outcome.raised,
    progress = coalesce(outcome.progress, job.progress),
    finished_at = dramatiq.clock(), expires_at = dramatiq.clock() + :retention * interval '1 second',
    mtime = dramatiq.clock(), version = job.version + 1
  from unnest(
    string_to_array(:id, chr(30))::uuid[], string_to_array(:fence, chr(30))::bigint[],
    string_to_array(:state, chr(30))::dramatiq.state[], string_to_array(:result, chr(30), '')::jsonb[],
    string_to_array(:error, chr(30), '')::jsonb[], string_to_array(:progress, chr(30), '')::jsonb[],
    string_to_array(:raised, chr(30), '')::jsonb[]
  ) as outcome (id, fence, state, result, error, progress, raised)
  where job.message_id = outcome.id and job.fence = outcome.fence
    -- As text: else the planner may walk the index of all processing jobs once an outcome.
    and job.state::text = 'consumed'
    and {{limits_locked}}
  returning job.message_id, job.tenant, job.state, {{attempt}},
    case outcome.state when 'done' then 'done' when 'cancelled' then 'cancelled' else 'error' end as outcome

-- part: ended
-- The ids of the changed jobs; notifies their followers and webhooks.
array_agg(message_id) as ids, {{tell_followers}} as followers, sum({{tell_webhooks}}) as hooked

-- name: finish
-- Ends jobs that are still held under the same fence; the row has their ids.
with changed as (
  {{end}}
), counted as (
  {{tally}}
)
select {{ended}}
from changed having count(*) > 0;

-- name: finish_followed
-- The same for jobs with follow-ups, which are enqueued exactly once, if and only if the job's ending is written.
with changed as (
  {{end}}, job.request_id, job.traceparent, job.parent
), added as (
  insert into dramatiq.queue
    (message_id, queue_name, state, message, tenant, request_id, traceparent, parent, run_at, due_at)
  select next.id, next.queue_name, 'queued', next.message, case when next.inherits_tenant then changed.tenant end,
    changed.request_id, changed.traceparent, changed.parent, due.at, due.at
  from unnest(
    string_to_array(:after, chr(30))::uuid[], string_to_array(:next_id, chr(30))::uuid[],
    string_to_array(:queue_name, chr(30)), string_to_array(:message, chr(30))::jsonb[],
    string_to_array(:delay, chr(30), '')::double precision[], string_to_array(:inherits_tenant, chr(30))::boolean[]
  ) as next (after, id, queue_name, message, delay, inherits_tenant)
  join changed on changed.message_id = next.after
  cross join lateral (
    select case when next.delay > 0 then dramatiq.clock() + next.delay * interval '1 second' end
  ) as due (at)
  on conflict do nothing
  returning lane, due_at
), counted as (
  {{tally}}
)
select {{ended}},
  -- Their rounds are made as for a stock producer's rows, so a claim may be past them.
  (select count(pg_notify(channel, 'back')) from (
    select distinct case when due_at is null then 'dramatiq.' || lane || '.enqueue' else 'sooner.postponed' end
    from added
  ) as channels (channel)) as woken
from changed having count(*) > 0;

-- name: give_back
-- Puts jobs back to waiting, to be tried again after a pause or at once; cancels jobs whose end was asked for.
with outcome as (
  select *
  from unnest(
    string_to_array(:id, chr(30))::uuid[], string_to_array(:fence, chr(30))::bigint[],
    string_to_array(:error, chr(30), '')::jsonb[], string_to_array(:pause, chr(30))::double precision[],
    string_to_array(:counted, chr(30))::boolean[], string_to_array(:progress, chr(30), '')::jsonb[],
    string_to_array(:raised, chr(30), '')::jsonb[]
  ) as outcome (id, fence, error, pause, counted, progress, raised)
), changed as (
  update dramatiq.queue as job
  set state = (case when job.cancel_requested then 'cancelled' else 'queued' end)::dramatiq.state,
    result = null, error = null,
    history = dramatiq.remembered(
      job, case when outcome.counted then 'failed' else 'given back' end, outcome.error, outcome.raised),
    progress = coalesce(outcome.progress, job.progress),
    attempts = job.attempts - (not outcome.counted)::integer,
    worker = case when job.cancel_requested then job.worker end,
    due_at = case when outcome.pause > 0 and not job.cancel_requested
      then dramatiq.clock() + outcome.pause * interval '1 second' end,
    finished_at = case when job.cancel_requested then dramatiq.clock() end,
    expires_at = dramatiq.clock() + :retention * interval '1 second',
    mtime = dramatiq.clock(), version = job.version + 1
  from outcome
  where job.message_id = outcome.id and job.fence = outcome.fence and job.state::text = 'consumed'
    and {{limits_locked}}
  returning job.message_id, job.tenant, job.state, job.lane, job.due_at, {{attempt}},
    case when outcome.counted then 'error' else 'interrupted' end as outcome
), counted as (
  {{tally}}
)
select {{ended}},
  count(pg_notify(case when due_at is null then 'dramatiq.' || lane || '.enqueue' else 'sooner.postponed' end, 'back'))
    filter (where state = 'queued') as woken
from changed having count(*) > 0;

-- name: lose
-- Lets go of jobs as if their worker had died: the next heartbeat of any worker recovers jobs that no living worker holds.
with lost as (
  update dramatiq.queue as job
  set worker = gen_random_uuid()
  from unnest(string_to_array(:id, chr(30))::uuid[], string_to_array(:fence, chr(30))::bigint[]) as outcome (id, fence)
  where job.message_id = outcome.id and job.fence = outcome.fence and job.state::text = 'consumed'
  returning job.message_id
)
select array_agg(message_id) as ids from lost having count(*) > 0;

-- name: recover
-- Puts back the jobs that no living worker holds; ends those whose worker died with them for the third time.
-- After the second crash a job waits in the lane of last chances: another job may have killed its workers.
-- Limits are locked in the order of their keys, as by endings.
with orphan as (
  select message_id, limit_key, crashes + 1 >= :most_crashes as hopeless
  from dramatiq.queue as job
  where state = 'consumed' and not exists (select from sooner.worker where id = job.worker)
  limit 1000
  for update skip locked
), locked as materialized (
  select key from sooner."limit" where key in (select limit_key from orphan)
  order by key collate "C" for update
), changed as (
  update dramatiq.queue as job
  set crashes = job.crashes + 1,
    fence = job.fence + 1,
    lane = case when job.crashes + 2 < :most_crashes then job.lane
      else job.queue_name || :last || case when job.limit_key is null then '' else :limited end end,
    version = job.version + 1,
    mtime = dramatiq.clock(),
    state = case when orphan.hopeless then 'rejected' when job.cancel_requested then 'cancelled' else 'queued'
      end::dramatiq.state,
    worker = case when orphan.hopeless or job.cancel_requested then job.worker end,
    finished_at = case when orphan.hopeless or job.cancel_requested then dramatiq.clock() end,
    expires_at = case when orphan.hopeless or job.cancel_requested
      then dramatiq.clock() + :retention * interval '1 second' else job.expires_at end,
    error = case when orphan.hopeless then :error::jsonb end,
    history = case when orphan.hopeless or job.cancel_requested then job.history
      else dramatiq.remembered(job, 'lost with its worker', null) end
  from orphan
  where job.message_id = orphan.message_id and (select count(*) from locked) is not null
  returning job.message_id, job.tenant, job.state, job.lane, job.crashes, job.message, {{attempt}},
    case job.state when 'cancelled' then 'cancelled' else 'lost' end as outcome
), counted as (
  {{tally}}
), called as (
  select sooner.tell_failure(message_id, callback, jsonb_build_object('type', said->>'type', 'message', said->>'detail'))
  from changed
  cross join lateral (
    select coalesce(message->'options'->>'on_failure', :callbacks::jsonb->>actor), :error::jsonb
  ) as callback (callback, said)
  where state = 'rejected' and callback is not null
), followers as (
  select {{tell_followers}}
  from (select message_id, row_number() over () / 200 as part from changed) as parts group by part
), woken as (
  select pg_notify('dramatiq.' || lane || '.enqueue', 'back') from changed where state = 'queued' group by lane
)
select message_id::text, state::text, crashes, {{tell_webhooks}} as hooked,
  (select count(*) from followers) + (select count(*) from woken) + (select count(*) from called) as notified
from changed;

-- name: give_up
-- Ends up to :batch due jobs of an unknown actor in a lane; the row has their number.
with hopeless as (
  select message_id from dramatiq.queue
  where lane = :lane and actor = :actor and state = 'queued' and due_at is null and {{stays}}
  order by priority, turn, message_id limit :batch
  for update skip locked
), changed as (
  update dramatiq.queue as job
  set state = 'rejected', error = :error::jsonb, finished_at = dramatiq.clock(),
    expires_at = dramatiq.clock() + :retention * interval '1 second', mtime = dramatiq.clock(), version = job.version + 1
  from hopeless
  where job.message_id = hopeless.message_id
  returning job.message_id, job.tenant, job.state, job.message
)
select count(*) as ended,
  count(sooner.tell_failure(
    message_id, message->'options'->>'on_failure',
    jsonb_build_object('type', :error::jsonb->>'type', 'message', :error::jsonb->>'detail')
  )) filter (where message->'options'->>'on_failure' is not null) as called,
  {{tell_followers}} as followers, sum({{tell_webhooks}}) as hooked
from changed;

-- part: refuse
-- Refuses to change a job of a tenant that moves: an error, which undoes the statement.
sooner.refuse_frozen(tenant, null, '')

-- name: cancel
-- Ends a waiting job, or asks the worker of a processing job to stop it; no row for a final job.
with changed as (
  update dramatiq.queue
  set state = case state when 'queued' then 'cancelled'::dramatiq.state else state end,
    finished_at = case state when 'queued' then dramatiq.clock() end,
    expires_at = case state when 'queued' then dramatiq.clock() + :retention * interval '1 second' else expires_at end,
    due_at = null,
    cancel_requested = true,
    version = version + 1,
    mtime = dramatiq.clock()
  where message_id = :id and state in ('queued', 'consumed')
  returning message_id, tenant, state
)
select state::text as state, {{tell_followers}} as followers,
  case when state = 'consumed' then pg_notify('sooner.cancel', message_id::text) end as asked, {{tell_webhooks}} as hooked,
  -- What runs ends where it is.
  case when state <> 'consumed' then {{refuse}} end as refused
from changed group by message_id, tenant, state;

-- name: cancel_waiting
-- Ends a waiting job; no row for a job that runs or is final.
with changed as (
  update dramatiq.queue
  set state = 'cancelled',
    finished_at = dramatiq.clock(),
    expires_at = dramatiq.clock() + :retention * interval '1 second',
    due_at = null,
    cancel_requested = true,
    version = version + 1,
    mtime = dramatiq.clock()
  where message_id = :id and state = 'queued'
  returning message_id, tenant, state
)
select {{tell_followers}} as followers, sum({{tell_webhooks}}) as hooked, count({{refuse}}) as refused
from changed having count(*) > 0;

-- name: cancel_overdue
-- Cancels the jobs whose Cancel-After has passed, waiting or held by a dead worker, and asks living workers to
-- stop theirs; the row is their number.
with overdue as (
  select message_id, limit_key, state = 'queued' or not lease.holds as idle, state = 'consumed' and not lease.holds as was_lost
  from dramatiq.queue as job
  cross join lateral (
    select exists (select from sooner.worker where id = job.worker and expires_at > dramatiq.clock()) as holds
  ) as lease
  where cancel_at <= dramatiq.clock() and state in ('queued', 'consumed') and not (cancel_requested and lease.holds)
    and (state = 'consumed' or {{stays}})
  order by cancel_at limit :most
  for update of job skip locked
), locked as materialized (
  select key from sooner."limit" where key in (select limit_key from overdue where was_lost)
  order by key collate "C" for update
), changed as (
  update dramatiq.queue as job
  set state = case when idle then 'cancelled'::dramatiq.state else job.state end,
    finished_at = case when idle then dramatiq.clock() end,
    expires_at = case when idle then dramatiq.clock() + :retention * interval '1 second' else job.expires_at end,
    due_at = null,
    cancel_requested = true,
    version = job.version + 1,
    mtime = dramatiq.clock()
  from overdue
  where job.message_id = overdue.message_id and (select count(*) from locked) is not null
  returning job.message_id, job.tenant, job.state, {{attempt}}, case when was_lost then 'cancelled' end as outcome
), counted as (
  {{tally}}
)
select count(*) as cancelled, case when count(*) > 0 then {{tell_followers}} end as followers, sum({{tell_webhooks}}) as hooked,
  case when count(*) filter (where state = 'consumed') > 0
    then pg_notify('sooner.cancel', string_agg(message_id::text, ',') filter (where state = 'consumed')) end as asked
from changed;

-- name: retry
-- Puts a failed job back into its queue, if its actor is one of these or a living worker knows it; no row for a job that has not failed.
with failed as (
  select message_id, actor, actor = any(:actors::text[]) or exists (
      -- Workers of older code do not list their actors.
      select from sooner.worker where expires_at > dramatiq.clock() and (actors is null or actors ? job.actor)
    ) as is_known
  from dramatiq.queue as job
  where message_id = :id and state = 'rejected'
  for update
), retried as (
  update dramatiq.queue as job
  set state = 'queued',
    history = dramatiq.remembered(job, 'failed', job.error, job.raised),
    worker = null,
    due_at = null,
    turn = coalesce(job.turn, dramatiq.next_turn(job.lane, job.priority, job.tenant)),
    finished_at = null,
    error = null,
    raised = null,
    progress = null,
    cancel_at = null,
    cancel_requested = false,
    expires_at = dramatiq.clock() + :retention * interval '1 second',
    version = job.version + 1,
    mtime = dramatiq.clock()
  from failed
  where job.message_id = failed.message_id and failed.is_known
  returning job.message_id, job.lane, job.tenant
), followers as (
  select pg_notify('sooner.changed', message_id::text) from retried
), woken as (
  select pg_notify('dramatiq.' || lane || '.enqueue', 'back') from retried
)
select actor, is_known, (select count(*) from followers) + (select count(*) from woken) as notified,
  (select count({{refuse}}) from retried) as refused
from failed;

-- name: resolve
-- Notes that a person has dealt with a failed job; no row for a job that has not failed.
with resolved as (
  update dramatiq.queue
  set state = 'error_resolved',
    error = case when :note::text is null then error else error || jsonb_build_object('note', :note::text) end,
    version = version + 1,
    mtime = dramatiq.clock()
  where message_id = :id and state = 'rejected'
  returning message_id, tenant
), followers as (
  select pg_notify('sooner.changed', message_id::text) from resolved
)
select message_id, (select count(*) from followers) as notified, {{refuse}} as refused from resolved;

-- name: remove
-- Removes expired final jobs, the oldest first; a trigger removes what they said. A locked job stays until the next cleaning.
with expired as (
  select ctid from dramatiq.queue
  where finished_at is not null and expires_at <= dramatiq.clock()
  order by expires_at
  limit :batch
  for update skip locked
), removed as (
  delete from dramatiq.queue where ctid = any(array(select ctid from expired)) returning message_id
)
select count(*) as removed from removed;
