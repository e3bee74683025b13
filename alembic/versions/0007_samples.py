"""What went on in the queues: a sample every few seconds."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SAMPLE = """
create table sooner.sample (
  at timestamptz not null,
  queue text not null,
  waiting bigint not null,
  processing bigint not null,
  finished bigint not null,
  oldest double precision,
  primary key (at, queue)
);
comment on table sooner.sample is 'What went on in the queues, for the operators'' charts; kept for hours.';
comment on column sooner.sample.finished is 'In the minute before.';
comment on column sooner.sample.oldest is 'Seconds that the oldest due job had waited; null where none was due.';
"""


def upgrade() -> None:
    op.execute(SAMPLE)


def downgrade() -> None:
    op.execute("drop table sooner.sample")
