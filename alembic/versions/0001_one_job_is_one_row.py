"""dramatiq-pg's table, widened so that one row is the message, the job and its result."""

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

QUEUE = """
create type dramatiq.state as enum
  ('queued', 'consumed', 'rejected', 'done', 'error_resolved', 'cancelled');

create table dramatiq.queue (
  message_id uuid primary key,
  queue_name text not null default 'default',
  state dramatiq.state not null default 'queued',
  mtime timestamptz default dramatiq.clock(),
  message jsonb not null,
  result jsonb,
  result_ttl timestamptz,

  actor text not null,
  lane text not null,
  tenant text,
  priority smallint not null default 1,
  request_id text,
  traceparent text,
  created_at timestamptz not null default dramatiq.clock(),
  run_at timestamptz,
  due_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  expires_at timestamptz,
  cancel_at timestamptz,
  cancel_requested boolean not null default false,
  attempts integer not null default 0,
  crashes integer not null default 0,
  version integer not null default 0,
  fence bigint not null default 0,
  worker uuid,
  progress jsonb,
  error jsonb,
  idempotency_key text,
  fingerprint bytea,

  constraint priority_is_known check (priority between 0 and 2),
  constraint counts_are_natural check (attempts >= 0 and crashes >= 0 and version >= 0 and fence >= 0),
  constraint final_has_finish_time check
    ((state in ('done', 'rejected', 'error_resolved', 'cancelled')) = (finished_at is not null)),
  constraint processing_has_worker check (state <> 'consumed' or (worker is not null and started_at is not null)),
  constraint waiting_has_no_worker check (state <> 'queued' or worker is null),
  constraint only_waiting_is_postponed check (due_at is null or state = 'queued'),
  constraint error_has_error check ((state in ('rejected', 'error_resolved')) <= (error is not null)),
  constraint done_has_result check (state <> 'done' or (result is not null and error is null))
) with (
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


def upgrade() -> None:
    op.execute("create schema dramatiq")
    op.execute("create schema sooner")
    for part in (CLOCK, QUEUE, ADOPT, SOONER):
        op.execute(part)


def downgrade() -> None:
    op.execute("drop schema sooner cascade")
    op.execute("drop schema dramatiq cascade")
