"""A new job without keys is added without a look for a job that it may collide with, which took a sixth of the statement."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

ENQUEUE = """
create or replace function sooner.enqueue(
  id uuid, of_queue text, of_lane text, of_actor text, of_message jsonb, of_tenant text, of_priority smallint,
  of_request text, of_trace text, of_parent uuid, starts timestamptz, of_cancel_after double precision,
  of_retention double precision, of_key text, of_limit text, of_unique text, of_sealed jsonb, word text
) returns uuid language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set jit = off as $$
declare
  now constant timestamptz := dramatiq.clock();
  due constant timestamptz := case when starts > now then starts end;
  round bigint;
  holder record;{declared}
begin
  if due is null then
    -- Behind the tenant's own; else in the round under way; the time where nobody waits.
    select turn + 1 into round from dramatiq.queue
    where state = 'queued' and due_at is null and lane = of_lane and priority = of_priority
      and coalesce(tenant, '') = coalesce(of_tenant, '') and turn is not null
    order by turn desc limit 1;
    if round is null then
      select turn into round from dramatiq.queue
      where state = 'queued' and due_at is null and lane = of_lane and priority = of_priority and turn is not null
      order by turn limit 1;
    end if;
    round := coalesce(round, (extract(epoch from clock_timestamp()) * 1000000)::bigint);
  end if;
  for attempt in 1..3 loop
{add}    if found then
      -- A transaction that has notified cannot be prepared for a two-phase commit.
      if coalesce(current_setting('sooner.notify', true), '') <> 'off' then
        if due is null then
          perform pg_notify('dramatiq.' || of_lane || '.enqueue', {word});
        else
          perform pg_notify('sooner.postponed', '');
        end if;
      end if;
      return id;
    end if;
    -- Tried again after a lost answer.
    perform from dramatiq.queue where message_id = id;
    if found then
      return id;
    end if;
    select message_id into holder from dramatiq.queue
    where unique_key = of_unique and state in ('queued', 'consumed');
    if found then
      return holder.message_id;
    end if;
    select message_id, message->'kwargs' as params, created_at <= now - interval '24 hours'
        or (finished_at is not null and expires_at <= now) as is_over
      into holder
    from (
      select * from dramatiq.queue where tenant = of_tenant and actor = of_actor and idempotency_key = of_key
      union all
      select * from dramatiq.queue
      where of_tenant is null and tenant is null and actor = of_actor and idempotency_key = of_key
    ) as job;
    if holder.is_over then
      update dramatiq.queue set idempotency_key = null where message_id = holder.message_id;
    elsif holder.params = of_message->'kwargs' then
      return holder.message_id;
    elsif holder.message_id is not null then
      raise exception 'the idempotency key % was used in the last 24 hours with other parameters', quote_literal(of_key)
        using errcode = 'unique_violation', hint = 'Give each request a key of its own.';
    end if;
  end loop;
  raise exception 'a key of the job changes hands too fast' using errcode = 'serialization_failure';
end $$;
"""

ROW = """    insert into dramatiq.queue
      (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent, parent, run_at, due_at,
       cancel_at, expires_at, idempotency_key, limit_key, unique_key, sealed, turn)
    values
      (id, of_queue, of_lane, of_actor, of_message, of_tenant, of_priority, of_request, of_trace, of_parent, due, due,
       now + of_cancel_after * interval '1 second', coalesce(due, now) + of_retention * interval '1 second',
       of_key, of_limit, of_unique, of_sealed, round)"""

ADD_BEFORE = f"{ROW}\n    on conflict do nothing;\n"

#: Looking for a collision costs a walk down an index, and the row is written in two steps.
ADD = f"""    if is_new and of_key is null and of_unique is null then
  {ROW.replace(chr(10), chr(10) + "  ")};
    else
  {ROW.replace(chr(10), chr(10) + "  ")}
      on conflict do nothing;
    end if;
"""

#: The schema before reads null as an empty word, and older code never says `new`.
DECLARED = """
  -- Whether no job can have the id: it is made for this call alone. A second call after a lost answer does not say so.
  is_new constant boolean := word is null or word = 'new stray';"""

SUBMIT = """
create or replace function sooner.submit(
  actor text, params jsonb default '{{}}', tenant text default null, priority text default null,
  run_at timestamptz default null, delay double precision default null, cancel_after double precision default null,
  idempotency_key text default null, request_id text default null, traceparent text default null,
  parent uuid default null, id uuid default null
) returns uuid language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp as $$
declare
  named constant uuid := coalesce(submit.id, sooner.new_id());
  urgency smallint := array_position(array['high', 'normal', 'low'], submit.priority) - 1;
  queue text;
  is_claimed boolean;
  declared jsonb;
begin
  if coalesce(submit.actor, '') = '' then
    raise exception 'a job needs an actor' using errcode = 'invalid_parameter_value';
  elsif submit.params is null then
    raise exception 'params are null' using errcode = 'null_value_not_allowed', hint = 'Give a JSON object, {{}} at the least.';
  elsif urgency is null and submit.priority is not null then
    raise exception 'priority is high, normal or low, not %', quote_literal(submit.priority)
      using errcode = 'invalid_parameter_value';
  elsif submit.delay < 0 or submit.cancel_after < 0 then
    raise exception 'delay and cancel_after are seconds from now, not before it' using errcode = 'invalid_parameter_value';
  elsif submit.idempotency_key !~ '^[!-~]{{1,255}}$' then
    raise exception 'an idempotency key has 1 to 255 visible ASCII characters' using errcode = 'invalid_parameter_value';
  end if;
  select known.queue, known.declared, (
      select coalesce(worker.claims->known.queue ? known.name, true)
      from sooner.worker where worker.actors ? known.name order by worker.started_at desc limit 1
    )
    into queue, declared, is_claimed
  from sooner.actor as known where known.name = submit.actor;
{secrets}  return sooner.enqueue(
    named, coalesce(queue, 'default'), coalesce(queue, 'default'), submit.actor,
    jsonb_build_object('queue_name', coalesce(queue, 'default'), 'actor_name', submit.actor, 'args', '[]'::jsonb,
      'kwargs', submit.params, 'options', '{{}}'::jsonb, 'message_id', named,
      'message_timestamp', (extract(epoch from clock_timestamp()) * 1000)::bigint, 'unchecked', true),
    nullif(submit.tenant, ''), coalesce(urgency, (declared->>'priority')::smallint, 1::smallint), submit.request_id,
    submit.traceparent, submit.parent, coalesce(submit.run_at, dramatiq.clock() + submit.delay * interval '1 second'),
    submit.cancel_after, null, submit.idempotency_key, null, null, null,
    -- Where no worker claims it is a stray, which is brought to where it counts.
    {word});
end $$;
"""

SECRETS_BEFORE = """  if jsonb_typeof(submit.params) = 'object'
      and submit.params ?| array(select jsonb_array_elements_text(declared->'secrets')) then
    raise exception 'the actor % takes secret parameters, which would lie here in clear', submit.actor
      using errcode = 'feature_not_supported', hint = 'Submit it over HTTP, or with submit() in the deployment''s own code: these seal them.';
  end if;
"""

#: A query takes several times as long as an expression, and few actors take secrets.
SECRETS = """  if declared->'secrets' <> '[]' and jsonb_typeof(submit.params) = 'object' then
    if submit.params ?| array(select jsonb_array_elements_text(declared->'secrets')) then
      raise exception 'the actor % takes secret parameters, which would lie here in clear', submit.actor
        using errcode = 'feature_not_supported', hint = 'Submit it over HTTP, or with submit() in the deployment''s own code: these seal them.';
    end if;
  end if;
"""

WORD_BEFORE = "case when is_claimed then '' else 'stray' end"
WORD = """case
      when is_claimed then case when submit.id is not null then '' end
      when submit.id is null then 'new stray'
      else 'stray' end"""


def upgrade() -> None:
    op.execute(
        ENQUEUE.format(
            declared=DECLARED, add=ADD, word="case when word = 'new stray' then 'stray' else word end"
        )
    )
    op.execute(SUBMIT.format(secrets=SECRETS, word=WORD))


def downgrade() -> None:
    op.execute(SUBMIT.format(secrets=SECRETS_BEFORE, word=WORD_BEFORE))
    op.execute(ENQUEUE.format(declared="", add=ADD_BEFORE, word="word"))
