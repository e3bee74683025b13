"""Which actors each worker knows, and from where it claims their jobs; and since when nobody knows an actor."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

KNOWN = """
alter table sooner.worker add column actors jsonb, add column claims jsonb;
comment on column sooner.worker.actors is 'The actors that its code has, each with its queue; null: written by older code.';
comment on column sooner.worker.claims is
  'The lanes that it claims from, each with the actors whose jobs it takes there; null: written by older code.';

create table sooner.unknown_actor (
  name text primary key,
  seconds double precision not null default 0,
  seen_at timestamptz not null default dramatiq.clock(),
  given_up_at timestamptz
);
comment on table sooner.unknown_actor is 'Actors that jobs name and no living worker knows.';
comment on column sooner.unknown_actor.seconds is
  'How long jobs have waited for it while workers lived that did not know it.';
comment on column sooner.unknown_actor.given_up_at is
  'When its jobs were last ended: a schedule adds no more until a worker knows it.';
"""


def upgrade() -> None:
    op.execute(KNOWN)


def downgrade() -> None:
    op.execute("drop table sooner.unknown_actor")
    op.execute("alter table sooner.worker drop column actors, drop column claims")
