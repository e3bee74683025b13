"""Room for more databases: the directory of who is where, a database's own name, and tenants whose data is being moved."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

DIRECTORY = """
create schema sooner_directory;
comment on schema sooner_directory is 'Which shard has which tenant. It is read in the home shard''s database alone; every database has it.';

create table sooner_directory.shard (
  name text primary key,
  weight double precision not null default 1 constraint weight_is_natural check (weight >= 0),
  is_draining boolean not null default false,
  added_at timestamptz not null default dramatiq.clock()
);
comment on column sooner_directory.shard.weight is 'How many tenants it takes, compared with the other shards.';
comment on column sooner_directory.shard.is_draining is 'It gets no new tenants.';

create table sooner_directory.tenant (
  locator text primary key,
  tenant text not null unique,
  shard text not null references sooner_directory.shard,
  previous text references sooner_directory.shard,
  is_frozen boolean not null default false,
  placed_at timestamptz not null default dramatiq.clock()
);
comment on column sooner_directory.tenant.locator is 'What keys, tokens and signed addresses carry of the tenant.';
comment on column sooner_directory.tenant.previous is 'The shard where some of its jobs still lie after a move.';
comment on column sooner_directory.tenant.is_frozen is 'It is being moved: who writes for it waits a moment.';
create index tenant_shard on sooner_directory.tenant (shard);

create table sooner_directory.key (
  digest bytea primary key,
  locator text not null references sooner_directory.tenant on delete cascade
);
comment on table sooner_directory.key is 'The API keys that carry no locator, since they are older.';

create table sooner_directory.move (
  id uuid primary key,
  locator text not null references sooner_directory.tenant on delete cascade,
  source text not null references sooner_directory.shard,
  target text not null references sooner_directory.shard,
  step text not null,
  detail jsonb not null default '{}',
  began_at timestamptz not null default dramatiq.clock(),
  stepped_at timestamptz not null default dramatiq.clock(),
  ended_at timestamptz
);
comment on column sooner_directory.move.step is 'The last step that it took: whoever goes on with it begins there.';
create unique index move_under_way on sooner_directory.move (locator) where ended_at is null;

create function sooner_directory.tell() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_notify('sooner.directory', coalesce(new.locator, old.locator));
  return null;
end $$;
comment on function sooner_directory.tell is 'Tells web processes whose place has changed.';
create trigger tenant_tell after insert or update or delete on sooner_directory.tenant
for each row execute function sooner_directory.tell();
"""

SHARD = """
create table sooner.shard (
  name text not null,
  is_one boolean primary key default true constraint is_one_row check (is_one)
);
comment on table sooner.shard is 'The name of this database among several; no row where it is alone.';

create table sooner.frozen_tenant (
  tenant text primary key,
  reason text not null constraint reason_is_known check (reason in ('leaving', 'arriving', 'gone')),
  until timestamptz not null default 'infinity',
  since timestamptz not null default dramatiq.clock()
);
comment on table sooner.frozen_tenant is 'Tenants whose jobs nobody claims here and for whom nobody writes here, since they move or have moved.';
comment on column sooner.frozen_tenant.until is 'Until then it holds: where a move dies before its end, its tenant works on here.';
"""


def upgrade() -> None:
    op.execute(DIRECTORY)
    op.execute(SHARD)


def downgrade() -> None:
    op.execute("drop table sooner.frozen_tenant, sooner.shard")
    op.execute("drop schema sooner_directory cascade")
