"""dramatiq-pg's table, widened so that one row is the message, the job and its result.

A table that dramatiq-pg has made itself is taken over with its rows, and with the rights that others have on it.
"""

from alembic.util import CommandError
from sqlalchemy import text

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CLOCK = """
create function dramatiq.clock() returns timestamptz language sql stable parallel safe
return pg_catalog.now();
comment on function dramatiq.clock() is
  'The one clock of the queue: every process agrees on it, and a test moves time by replacing it.';
"""

STOCK = """
create type dramatiq.state as enum
  ('queued', 'consumed', 'rejected', 'done', 'error_resolved', 'cancelled');

create table dramatiq.queue (
  message_id uuid primary key,
  queue_name text not null default 'default',
  state dramatiq.state,
  mtime timestamptz,
  message jsonb,
  result jsonb,
  result_ttl timestamptz
);
"""

#: A state of ours cannot be used in the transaction that adds it to a type that was there before.
STATES = """
drop index if exists dramatiq.queue_state_mtime_idx;
alter type dramatiq.state rename to stock_state;
create type dramatiq.state as enum
  ('queued', 'consumed', 'rejected', 'done', 'error_resolved', 'cancelled');
alter table dramatiq.queue alter column state type dramatiq.state using state::text::dramatiq.state;
drop type dramatiq.stock_state;
"""

WIDER = """
alter table dramatiq.queue
  alter column mtime set default dramatiq.clock(),
  add column actor text,
  add column lane text,
  add column tenant text,
  add column priority smallint not null default 1,
  add column request_id text,
  add column traceparent text,
  add column created_at timestamptz not null default dramatiq.clock(),
  add column run_at timestamptz,
  add column due_at timestamptz,
  add column started_at timestamptz,
  add column finished_at timestamptz,
  add column expires_at timestamptz,
  add column cancel_at timestamptz,
  add column cancel_requested boolean not null default false,
  add column attempts integer not null default 0,
  add column crashes integer not null default 0,
  add column version integer not null default 0,
  add column fence bigint not null default 0,
  add column worker uuid,
  add column progress jsonb,
  add column error jsonb,
  add column idempotency_key text,
  add column fingerprint bytea;
"""

#: What a stock worker holds waits again: it is to be stopped before. Ended jobs stay as long as with dramatiq-pg.
TAKEN_OVER = """
with stock as (
  select message_id, coalesce(message->>'actor_name', '') as actor, regexp_replace(queue_name, '\\.DQ$', '') as queue_name,
    coalesce(mtime, dramatiq.clock()) as changed_at,
    case when jsonb_typeof(message->'message_timestamp') = 'number'
      then to_timestamp((message->>'message_timestamp')::double precision / 1000) end as sent_at,
    case when queue_name like '%.DQ' and jsonb_typeof(message->'options'->'eta') = 'number'
      then to_timestamp((message->'options'->>'eta')::double precision / 1000) end as eta,
    (case when state in ('done', 'rejected') then state::text when message->>'actor_name' <> '' then 'queued'
      else 'unreadable' end) as outcome
  from dramatiq.queue
)
update dramatiq.queue as job
set actor = stock.actor, queue_name = stock.queue_name, lane = stock.queue_name, message = coalesce(message, '{}'),
  created_at = coalesce(sent_at, changed_at), run_at = eta, due_at = case when outcome = 'queued' then eta end,
  state = (case outcome when 'unreadable' then 'rejected' else outcome end)::dramatiq.state,
  attempts = (outcome in ('done', 'rejected'))::integer,
  started_at = case when outcome in ('done', 'rejected') then changed_at end,
  finished_at = case when outcome <> 'queued' then changed_at end,
  expires_at = case when outcome <> 'queued' then changed_at + interval '30 days' end,
  result = case when outcome = 'done' then coalesce(result, 'null') end,
  error = case outcome
    when 'rejected' then jsonb_build_object('type', 'rejected', 'title', 'The job failed',
      'detail', 'dramatiq-pg had rejected it before its table was taken over.')
    when 'unreadable' then jsonb_build_object('type', 'unreadable-message', 'title', 'The message cannot be read',
      'detail', 'It names no actor.')
  end
from stock where stock.message_id = job.message_id;
"""

RULES = """
alter table dramatiq.queue
  alter column state set default 'queued', alter column state set not null,
  alter column message set not null, alter column actor set not null, alter column lane set not null,
  add constraint priority_is_known check (priority between 0 and 2),
  add constraint counts_are_natural check (attempts >= 0 and crashes >= 0 and version >= 0 and fence >= 0),
  add constraint final_has_finish_time check
    ((state in ('done', 'rejected', 'error_resolved', 'cancelled')) = (finished_at is not null)),
  add constraint processing_has_worker check (state <> 'consumed' or (worker is not null and started_at is not null)),
  add constraint waiting_has_no_worker check (state <> 'queued' or worker is null),
  add constraint only_waiting_is_postponed check (due_at is null or state = 'queued'),
  add constraint error_has_error check ((state in ('rejected', 'error_resolved')) <= (error is not null)),
  add constraint done_has_result check (state <> 'done' or (result is not null and error is null)),
  set (
    fillfactor = 85,
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05
  );

comment on column dramatiq.queue.lane is
  'What a claim takes from: the queue, or the part of it that wants another resource (threads).';
comment on column dramatiq.queue.due_at is
  'Null: may be claimed now. A time: postponed, or between two attempts; promoted when it comes.';
comment on column dramatiq.queue.fence is
  'Grows with every claim: whoever writes with an older one holds the job no more.';
comment on column dramatiq.queue.version is
  'Grows with every change that a reader can see: the ETag, and the id of an event.';

create index queue_claim on dramatiq.queue (lane, priority, created_at, message_id)
  where state = 'queued' and due_at is null;
create index queue_postponed on dramatiq.queue (due_at)
  where state = 'queued' and due_at is not null;
create index queue_processing on dramatiq.queue (worker) where state = 'consumed';
create index queue_overdue on dramatiq.queue (cancel_at)
  where cancel_at is not null and state in ('queued', 'consumed');
create index queue_expiry on dramatiq.queue (expires_at) where finished_at is not null;
create index queue_tenant on dramatiq.queue (tenant, created_at desc, message_id desc);
create index queue_created on dramatiq.queue (created_at desc, message_id desc);
create unique index queue_idempotency on dramatiq.queue (tenant, actor, idempotency_key) nulls not distinct
  where idempotency_key is not null;
"""

ADOPT = """
create function dramatiq.adopt() returns trigger language plpgsql as $$
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
comment on function dramatiq.adopt() is
  'Makes a stock dramatiq-pg producer''s row a whole job: its actor, and its delay as a time in the table.';

create trigger queue_adopt before insert on dramatiq.queue
  for each row when (new.actor is null) execute function dramatiq.adopt();
"""

SOONER = """
create table sooner.worker (
  id uuid primary key,
  name text not null,
  queues text[] not null,
  started_at timestamptz not null default dramatiq.clock(),
  expires_at timestamptz not null
);
comment on table sooner.worker is 'One row a worker process: the lease under which it holds its jobs.';

create table sooner.queue (
  name text primary key,
  paused boolean not null default false
);
comment on table sooner.queue is 'What operators said of a queue.';

create table sooner.api_key (
  id uuid primary key,
  tenant text not null,
  name text not null,
  scopes text[] not null,
  digest bytea not null unique,
  created_at timestamptz not null default dramatiq.clock(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  constraint scopes_are_known check (scopes <@ array['jobs', 'admin'] and cardinality(scopes) > 0)
);
comment on table sooner.api_key is 'API keys: the SHA-256 of each, never the key.';

create table sooner.upload (
  id uuid primary key,
  tenant text not null,
  bytes bigint,
  sha256 text,
  created_at timestamptz not null default dramatiq.clock(),
  expires_at timestamptz not null,
  constraint whole_has_digest check ((bytes is null) = (sha256 is null))
);
comment on column sooner.upload.bytes is 'Null while the upload is under way: a reader sees whole uploads only.';

create table sooner.chunk (
  upload uuid not null references sooner.upload (id) on delete cascade,
  position integer not null,
  data bytea not null,
  primary key (upload, position)
);
alter table sooner.chunk alter column data set storage external;
comment on table sooner.chunk is 'An upload in pieces, so that neither web nor worker ever holds it whole.';
"""


#: The columns of dramatiq-pg's table, by which it is known.
STOCK_COLUMNS = {
    "message_id": "uuid",
    "queue_name": "text",
    "state": "state",
    "mtime": "timestamptz",
    "message": "jsonb",
    "result": "jsonb",
    "result_ttl": "timestamptz",
}


def upgrade() -> None:
    op.execute("create schema if not exists dramatiq")
    op.execute("create schema if not exists sooner")
    is_stock = _find_stock_table()
    for part in (CLOCK, STATES if is_stock else STOCK, WIDER):
        op.execute(part)
    if is_stock:
        op.execute(TAKEN_OVER)
    for part in (RULES, ADOPT, SOONER):
        op.execute(part)


def _find_stock_table() -> bool:
    """Whether dramatiq-pg's own table is there. Raises CommandError where another one has its name."""
    rows = op.get_bind().execute(
        text(
            "select column_name, udt_name from information_schema.columns"
            " where table_schema = 'dramatiq' and table_name = 'queue'"
        )
    )
    columns = {row.column_name: row.udt_name for row in rows}
    if "lane" in columns:
        raise CommandError(
            "dramatiq.queue is Sooner's already, but sooner.alembic_version does not say of which revision: "
            "say so with `alembic stamp REVISION`"
        )
    if columns and not columns.items() >= STOCK_COLUMNS.items():
        raise CommandError(
            "dramatiq.queue is there and is not dramatiq-pg's table: rename it, or use another database"
        )
    return bool(columns)


def downgrade() -> None:
    # The schema itself holds the version table, which alembic writes to once more.
    for table in ("chunk", "upload", "api_key", "queue", "worker"):
        op.execute(f"drop table sooner.{table}")
    op.execute("drop schema dramatiq cascade")
