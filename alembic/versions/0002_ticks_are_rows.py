"""The scheduler's lease, the schedules it knows, and one row a tick."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEDULER = """
create table sooner.lease (
  name text primary key,
  holder uuid,
  holder_name text,
  fence bigint not null default 0,
  taken_at timestamptz,
  beat_at timestamptz,
  expires_at timestamptz not null default '-infinity',
  constraint held_by_someone check ((holder is null) = (holder_name is null))
);
comment on table sooner.lease is 'Who may do what only one process at a time may do: the scheduler.';
comment on column sooner.lease.fence is
  'Grows whenever the lease is taken: whoever writes with an older one holds it no more.';
insert into sooner.lease (name) values ('scheduler');

create table sooner.schedule (
  name text primary key,
  actor text not null,
  cron text not null,
  timezone text not null,
  since timestamptz not null default dramatiq.clock()
);
comment on column sooner.schedule.since is
  'Ticks up to here are past: when it was first seen like this, later the newest tick that was cleaned away.';

create table sooner.tick (
  schedule text not null,
  tick timestamptz not null,
  fence bigint not null,
  job uuid,
  fired_at timestamptz not null default dramatiq.clock(),
  primary key (schedule, tick)
);
comment on table sooner.tick is 'What has been fired: no tick can be fired twice.';
comment on column sooner.tick.job is 'Null: passed over, as its schedule says of missed ticks.';
create index tick_fired on sooner.tick (fired_at);
"""


def upgrade() -> None:
    op.execute(SCHEDULER)


def downgrade() -> None:
    for table in ("tick", "schedule", "lease"):
        op.execute(f"drop table sooner.{table}")
