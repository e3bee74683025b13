"""A row among many that come at once is given its round by one look at an index, whatever is known of the table."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

#: `nulls last` is an order that no index has: each row of an INSERT sorted all those before it.
NEXT_TURN = """
create or replace function dramatiq.next_turn(of_lane text, of_priority smallint, of_tenant text) returns bigint
language sql stable
-- A session keeps the plan that it made when the table was empty, and that is to read all of it.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
return coalesce(
  (select turn + 1 from dramatiq.queue
   where state = 'queued' and due_at is null and lane = of_lane and priority = of_priority
     and coalesce(tenant, '') = coalesce(of_tenant, '') and turn is not null
   order by turn desc limit 1),
  (select turn from dramatiq.queue
   where state = 'queued' and due_at is null and lane = of_lane and priority = of_priority
   order by turn limit 1),
  0
)
"""

UNDO = """
create or replace function dramatiq.next_turn(of_lane text, of_priority smallint, of_tenant text) returns bigint
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
)
"""


def upgrade() -> None:
    op.execute(NEXT_TURN)


def downgrade() -> None:
    op.execute(UNDO)
