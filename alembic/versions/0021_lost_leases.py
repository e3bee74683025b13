"""Leases that ran out are counted, whichever worker takes them away."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COUNTED = """
create table sooner.counter (
  name text primary key,
  value bigint not null
);
comment on table sooner.counter is 'What has happened since the beginning, for metrics.';

create function sooner.count_lost_lease() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into sooner.counter as counted (name, value) values ('leases_lost', 1)
  on conflict (name) do update set value = counted.value + 1;
  return null;
end $$;
revoke all on function sooner.count_lost_lease from public;

create trigger worker_count_lost_lease after delete on sooner.worker
for each row when (old.expires_at < dramatiq.clock()) execute function sooner.count_lost_lease();
"""


def upgrade() -> None:
    op.execute(COUNTED)


def downgrade() -> None:
    op.execute("drop trigger worker_count_lost_lease on sooner.worker")
    op.execute("drop function sooner.count_lost_lease()")
    op.execute("drop table sooner.counter")
