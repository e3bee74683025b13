"""What SQL submits is due within a hundred years: no reader could decode the times of a job that lies beyond the calendar."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

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
{bound}  elsif submit.idempotency_key !~ '^[!-~]{{1,255}}$' then
    raise exception 'an idempotency key has 1 to 255 visible ASCII characters' using errcode = 'invalid_parameter_value';
  end if;
  select known.queue, known.declared, (
      select coalesce(worker.claims->known.queue ? known.name, true)
      from sooner.worker where worker.actors ? known.name order by worker.started_at desc limit 1
    )
    into queue, declared, is_claimed
  from sooner.actor as known where known.name = submit.actor;
  if declared->'secrets' <> '[]' and jsonb_typeof(submit.params) = 'object' then
    if submit.params ?| array(select jsonb_array_elements_text(declared->'secrets')) then
      raise exception 'the actor % takes secret parameters, which would lie here in clear', submit.actor
        using errcode = 'feature_not_supported', hint = 'Submit it over HTTP, or with submit() in the deployment''s own code: these seal them.';
    end if;
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
    case
      when is_claimed then case when submit.id is not null then '' end
      when submit.id is null then 'new stray'
      else 'stray' end);
end $$;
"""

#: PostgreSQL's NaN is greater than any number.
BOUND = """\
  elsif submit.run_at > dramatiq.clock() + interval '100 years' or submit.delay > 3153600000 or submit.cancel_after > 3153600000 then
    raise exception 'run_at, delay and cancel_after lie at most a hundred years ahead' using errcode = 'invalid_parameter_value';
"""


def upgrade() -> None:
    op.execute(SUBMIT.format(bound=BOUND))


def downgrade() -> None:
    op.execute(SUBMIT.format(bound=""))
