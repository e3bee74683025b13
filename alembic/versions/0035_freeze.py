"""While a tenant is frozen nobody writes for it: what people do to its jobs and what is kept for it, whichever code does."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

REFUSE = """
create function sooner.refuse_frozen(of_tenant text, of_parent uuid, instead text) returns void language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare
  of_reason text;
begin
  select frozen.reason into of_reason from sooner.frozen_tenant as frozen
  where frozen.tenant = of_tenant and frozen.until > dramatiq.clock();
  if of_reason is null or coalesce(current_setting('sooner.moving', true), '') = 'on' then
    return;
  elsif of_reason = 'gone' then
    raise exception 'the tenant % lives in another database now%', of_tenant, instead using errcode = 'object_in_use';
  elsif of_reason = 'leaving' then
    -- What a running job submits is brought after it.
    perform from dramatiq.queue where message_id = of_parent and state = 'consumed';
    if found or coalesce(current_setting('sooner.of_job', true), '') = 'on' then
      return;
    end if;
  end if;
  raise exception 'the tenant % is being moved to another database: try again in a moment', of_tenant
    using errcode = 'object_in_use';
end $$;
comment on function sooner.refuse_frozen is 'Refuses to write for a tenant that is moved to another database.';
"""

TRIGGERS = """
create function sooner.refuse_change() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  perform sooner.refuse_frozen(coalesce(new.tenant, old.tenant), null, '');
  return null;
end $$;
comment on function sooner.refuse_change is 'Refuses a change of what is kept for a tenant that is moved to another database.';

create function sooner.refuse_token() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  perform sooner.refuse_frozen((select tenant from sooner.api_key where id = new.key), null, '');
  return null;
end $$;
comment on function sooner.refuse_token is 'Refuses a token of a tenant that is moved to another database.';

-- What runs goes on and ends: only what people do to jobs that wait or have ended is refused.
create trigger queue_refuse_change after update of state, notify on dramatiq.queue for each row
when (old.state <> 'consumed' and new.state <> 'consumed' and new.tenant is not null
  and (old.state <> new.state or old.notify is distinct from new.notify))
execute function sooner.refuse_change();

create trigger upload_refuse_change after insert or update on sooner.upload for each row
when (new.tenant is not null) execute function sooner.refuse_change();

create trigger webhook_refuse_change after insert or delete on sooner.webhook for each row
execute function sooner.refuse_change();

create trigger api_key_refuse_change after insert or update of revoked_at on sooner.api_key for each row
execute function sooner.refuse_change();

create trigger token_refuse after insert on sooner.token for each row execute function sooner.refuse_token();
"""

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
  holder record;
  -- Whether no job can have the id: it is made for this call alone. A second call after a lost answer does not say so.
  is_new constant boolean := word is null or word = 'new stray';
begin
{refuse}  if due is null then
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
    if is_new and of_key is null and of_unique is null then
      insert into dramatiq.queue
        (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent, parent, run_at, due_at,
         cancel_at, expires_at, idempotency_key, limit_key, unique_key, sealed, turn)
      values
        (id, of_queue, of_lane, of_actor, of_message, of_tenant, of_priority, of_request, of_trace, of_parent, due, due,
         now + of_cancel_after * interval '1 second', coalesce(due, now) + of_retention * interval '1 second',
         of_key, of_limit, of_unique, of_sealed, round);
    else
      insert into dramatiq.queue
        (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent, parent, run_at, due_at,
         cancel_at, expires_at, idempotency_key, limit_key, unique_key, sealed, turn)
      values
        (id, of_queue, of_lane, of_actor, of_message, of_tenant, of_priority, of_request, of_trace, of_parent, due, due,
         now + of_cancel_after * interval '1 second', coalesce(due, now) + of_retention * interval '1 second',
         of_key, of_limit, of_unique, of_sealed, round)
      on conflict do nothing;
    end if;
    if found then
      -- A transaction that has notified cannot be prepared for a two-phase commit.
      if coalesce(current_setting('sooner.notify', true), '') <> 'off' then
        if due is null then
          perform pg_notify('dramatiq.' || of_lane || '.enqueue', case when word = 'new stray' then 'stray' else word end);
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

REFUSING = """  if of_tenant is not null then
    perform from sooner.frozen_tenant as frozen where frozen.tenant = of_tenant and frozen.until > now;
    if found then
      -- The first try of a call whose answer was lost may have added it before.
      perform from dramatiq.queue where message_id = id;
      if found then
        return id;
      end if;
      perform sooner.refuse_frozen(of_tenant, of_parent, ': submit it there');
    end if;
  end if;
"""

#: Claims read them; those that are gone stay, and grow many.
INDEX = (
    "create index concurrently frozen_tenant_waiting on sooner.frozen_tenant (tenant) where reason <> 'gone'"
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists sooner.frozen_tenant_waiting")
        op.execute(INDEX)
    op.execute(REFUSE)
    op.execute(ENQUEUE.format(refuse=REFUSING))
    op.execute(TRIGGERS)


def downgrade() -> None:
    for table, trigger in (
        ("dramatiq.queue", "queue_refuse_change"),
        ("sooner.upload", "upload_refuse_change"),
        ("sooner.webhook", "webhook_refuse_change"),
        ("sooner.api_key", "api_key_refuse_change"),
        ("sooner.token", "token_refuse"),
    ):
        op.execute(f"drop trigger {trigger} on {table}")
    op.execute(ENQUEUE.format(refuse=""))
    op.execute(
        "drop function sooner.refuse_change, sooner.refuse_token, sooner.refuse_frozen(text, uuid, text)"
    )
