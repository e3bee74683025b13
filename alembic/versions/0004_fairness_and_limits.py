"""Whose turn it is: round robin between tenants, and limits on what runs at once or too often."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TURNS = """
alter table dramatiq.queue add column turn bigint, add column limit_key text;

comment on column dramatiq.queue.turn is
  'The round of its lane and priority in which it comes up: a tenant has one job a round.';
comment on column dramatiq.queue.limit_key is
  'The row of sooner.limit that it counts under; null where nothing limits it.';

update dramatiq.queue as job set turn = line.place
from (
  select message_id, row_number() over (partition by lane, priority, tenant order by created_at, message_id) - 1 as place
  from dramatiq.queue where state = 'queued' and due_at is null
) as line
where line.message_id = job.message_id;

drop index dramatiq.queue_claim;
create index queue_claim on dramatiq.queue (lane, priority, turn, message_id)
  where state = 'queued' and due_at is null;
create index queue_turn on dramatiq.queue (lane, priority, (coalesce(tenant, '')), turn)
  where state = 'queued' and due_at is null;
create index queue_limited on dramatiq.queue (lane, limit_key, priority, turn, message_id)
  where state = 'queued' and due_at is null and limit_key is not null;

create function dramatiq.next_turn(of_lane text, of_priority smallint, of_tenant text) returns bigint
language sql stable
return coalesce(
  (select turn + 1 from dramatiq.queue
   where state = 'queued' and due_at is null and lane = of_lane and priority = of_priority
     and coalesce(tenant, '') = coalesce(of_tenant, '')
   order by turn desc nulls last limit 1),
  (select turn from dramatiq.queue
   where state = 'queued' and due_at is null and lane = of_lane and priority = of_priority
   order by turn limit 1),
  0
);
comment on function dramatiq.next_turn(text, smallint, text) is
  'The round in which a tenant''s next job comes up: after its own waiting ones, else in the round under way.';
"""

ADOPT = """
create or replace function dramatiq.adopt() returns trigger language plpgsql as $$
begin
  new.actor := coalesce(new.message->>'actor_name', '');
  if new.actor = '' then
    raise exception 'a message needs an actor_name' using errcode = 'check_violation';
  end if;
  if new.queue_name like '%.DQ' then
    new.queue_name := left(new.queue_name, -3);
    new.run_at := to_timestamp((new.message->'options'->>'eta')::double precision / 1000);
    new.due_at := new.run_at;
  end if;
  new.lane := coalesce(new.lane, new.queue_name);
  if new.due_at is null then
    new.turn := dramatiq.next_turn(new.lane, new.priority, new.tenant);
  end if;
  return new;
end $$;
"""

LIMITS = """
create table sooner."limit" (
  key text primary key,
  most integer,
  running integer not null default 0,
  interval_seconds double precision,
  burst integer,
  next_at timestamptz,
  constraint counts_are_natural check (running >= 0 and most > 0 and burst > 0 and interval_seconds > 0),
  constraint limits_something check (most is not null or (interval_seconds is not null and burst is not null))
);
comment on table sooner."limit" is
  'How much of a key runs now and may run, and how often: its row is locked by whoever claims under it.';
comment on column sooner."limit".next_at is
  'The theoretical arrival time of the generic cell rate algorithm (ITU-T I.371).';

create function dramatiq.count_limited() returns trigger language plpgsql as $$
begin
  if new.state = 'consumed' then
    update sooner."limit"
    set running = running + 1,
      next_at = greatest(next_at, dramatiq.clock()) + interval_seconds * interval '1 second'
    where key = new.limit_key;
  else
    update sooner."limit" set running = running - 1 where key = new.limit_key;
    perform pg_notify('dramatiq.' || new.lane || '.enqueue', '');
  end if;
  return null;
end $$;
comment on function dramatiq.count_limited() is
  'Counts what runs under a limit in the transaction that changes it, whichever statement does.';

create trigger queue_count_limited after update of state on dramatiq.queue
  for each row when (new.limit_key is not null and (old.state = 'consumed') <> (new.state = 'consumed'))
  execute function dramatiq.count_limited();
"""

UNDO = """
drop trigger queue_count_limited on dramatiq.queue;
drop function dramatiq.count_limited();
drop table sooner."limit";
create or replace function dramatiq.adopt() returns trigger language plpgsql as $$
begin
  new.actor := coalesce(new.message->>'actor_name', '');
  if new.actor = '' then
    raise exception 'a message needs an actor_name' using errcode = 'check_violation';
  end if;
  if new.queue_name like '%.DQ' then
    new.queue_name := left(new.queue_name, -3);
    new.run_at := to_timestamp((new.message->'options'->>'eta')::double precision / 1000);
    new.due_at := new.run_at;
  end if;
  new.lane := coalesce(new.lane, new.queue_name);
  return new;
end $$;
drop function dramatiq.next_turn(text, smallint, text);
drop index dramatiq.queue_limited, dramatiq.queue_turn, dramatiq.queue_claim;
alter table dramatiq.queue drop column turn, drop column limit_key;
create index queue_claim on dramatiq.queue (lane, priority, created_at, message_id)
  where state = 'queued' and due_at is null;
"""


def upgrade() -> None:
    for part in (TURNS, ADOPT, LIMITS):
        op.execute(part)


def downgrade() -> None:
    op.execute(UNDO)
