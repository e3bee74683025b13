"""What the actors last declared, so that `sooner.submit` knows it while no worker runs."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

ACTOR = """
create table sooner.actor (
  name text primary key,
  queue text not null,
  declared jsonb
);
comment on table sooner.actor is 'The actors that a worker has known, as the last worker to begin knew them: rows stay while no worker runs.';
comment on column sooner.actor.declared is 'As its member of `worker.declared`; null: written by older code.';

create function sooner.note_actors() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Workers that take the rows in the same order cannot deadlock.
  insert into sooner.actor as known (name, queue, declared)
  select key, value, new.declared->key from jsonb_each_text(new.actors) order by key
  on conflict (name) do update set queue = excluded.queue, declared = excluded.declared
  where (known.queue, known.declared) is distinct from (excluded.queue, excluded.declared);
  return null;
end $$;
revoke all on function sooner.note_actors from public;
comment on function sooner.note_actors is 'Keeps what a worker that begins declares.';

create trigger worker_note_actors after insert on sooner.worker for each row execute function sooner.note_actors();

insert into sooner.actor (name, queue, declared)
select distinct on (actor.key) actor.key, actor.value, worker.declared->actor.key
from sooner.worker cross join jsonb_each_text(worker.actors) as actor
order by actor.key, worker.started_at desc;
"""

BY_WORKERS = """
  select worker.actors->>submit.actor, coalesce(worker.claims->(worker.actors->>submit.actor) ? submit.actor, true),
      worker.declared->submit.actor
    into queue, is_claimed, declared
  from sooner.worker where worker.actors ? submit.actor order by worker.started_at desc limit 1;
"""

BY_ACTORS = """
  select known.queue, known.declared, (
      select coalesce(worker.claims->known.queue ? known.name, true)
      from sooner.worker where worker.actors ? known.name order by worker.started_at desc limit 1
    )
    into queue, declared, is_claimed
  from sooner.actor as known where known.name = submit.actor;
"""

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
{known}  if jsonb_typeof(submit.params) = 'object'
      and submit.params ?| array(select jsonb_array_elements_text(declared->'secrets')) then
    raise exception 'the actor % takes secret parameters, which would lie here in clear', submit.actor
      using errcode = 'feature_not_supported', hint = 'Submit it over HTTP, or with submit() in the deployment''s own code: these seal them.';
  end if;
  return sooner.enqueue(
    named, coalesce(queue, 'default'), coalesce(queue, 'default'), submit.actor,
    jsonb_build_object('queue_name', coalesce(queue, 'default'), 'actor_name', submit.actor, 'args', '[]'::jsonb,
      'kwargs', submit.params, 'options', '{{}}'::jsonb, 'message_id', named,
      'message_timestamp', (extract(epoch from clock_timestamp()) * 1000)::bigint, 'unchecked', true),
    nullif(submit.tenant, ''), coalesce(urgency, (declared->>'priority')::smallint, 1::smallint), submit.request_id,
    submit.traceparent, submit.parent, coalesce(submit.run_at, dramatiq.clock() + submit.delay * interval '1 second'),
    submit.cancel_after, null, submit.idempotency_key, null, null, null,
    -- Where no worker claims it is a stray, which is brought to where it counts.
    case when is_claimed then '' else 'stray' end);
end $$;
"""


def upgrade() -> None:
    op.execute(ACTOR)
    op.execute(SUBMIT.format(known=BY_ACTORS.strip("\n") + "\n"))


def downgrade() -> None:
    op.execute(SUBMIT.format(known=BY_WORKERS.strip("\n") + "\n"))
    op.execute("drop trigger worker_note_actors on sooner.worker")
    op.execute("drop function sooner.note_actors()")
    op.execute("drop table sooner.actor")
