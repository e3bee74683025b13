"""Rounds only go up, so that whoever knows one that has passed need not look at the jobs of earlier ones.

A transaction that stays open keeps every row version since it began. What was claimed meanwhile stays in the indexes of
waiting jobs, and whoever looks for the first one from the start walks over all of it.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ROUNDS = """
create function dramatiq.round(of_lane text, of_priority smallint, since bigint) returns bigint
language sql volatile
return coalesce(
  (select turn from dramatiq.queue
   where state = 'queued' and due_at is null and lane = of_lane and priority = of_priority and turn >= since
   order by priority, turn, message_id limit 1),
  (extract(epoch from clock_timestamp()) * 1000000)::bigint
);
comment on function dramatiq.round(text, smallint, bigint) is
  'The round under way in a line, looked for from one that has passed; microseconds since 1970 where nobody waits.';

create function dramatiq.turn_in(of_lane text, of_priority smallint, of_tenant text, since bigint) returns bigint
language sql stable
return coalesce(
  (select turn + 1 from dramatiq.queue
   where state = 'queued' and due_at is null and lane = of_lane and priority = of_priority
     and coalesce(tenant, '') = coalesce(of_tenant, '') and turn >= since
   order by turn desc limit 1),
  since
);
comment on function dramatiq.turn_in(text, smallint, text, bigint) is
  'The round in which a tenant''s next job comes up: after its own waiting ones, else in the round under way.';

create or replace function dramatiq.next_turn(of_lane text, of_priority smallint, of_tenant text) returns bigint
language sql volatile
return dramatiq.turn_in(of_lane, of_priority, of_tenant, dramatiq.round(of_lane, of_priority, 0));
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
);

drop function dramatiq.turn_in(text, smallint, text, bigint);
drop function dramatiq.round(text, smallint, bigint);
"""


def upgrade() -> None:
    op.execute(ROUNDS)


def downgrade() -> None:
    op.execute(UNDO)
