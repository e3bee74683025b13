"""What jobs put out while they run."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

#: No foreign key: each row would lock its job's row, which is the hottest of all. The removal of jobs removes their output.
OUTPUT = """
create table sooner.output (
  job uuid not null,
  number bigint not null,
  fence bigint not null,
  piece text,
  primary key (job, number)
);
comment on table sooner.output is 'What jobs have put out: the pieces of the latest attempt that put out any.';
comment on column sooner.output.number is 'The place of the piece in the job''s output; it goes on from attempt to attempt.';
comment on column sooner.output.fence is 'The fence of the attempt that put it out.';
comment on column sooner.output.piece is 'A JSON text, which is compared with nothing and so not parsed; null is the mark that further pieces were dropped.';
"""


def upgrade() -> None:
    op.execute(OUTPUT)


def downgrade() -> None:
    op.execute("drop table sooner.output")
