"""Files that actors make, as results."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FILE = """
create table sooner.file (
  id uuid primary key,
  job uuid not null,
  name text not null,
  type text not null,
  bytes bigint,
  sha256 text,
  created_at timestamptz not null default dramatiq.clock(),
  constraint whole_has_digest check ((bytes is null) = (sha256 is null))
);
create index file_job on sooner.file (job);
comment on table sooner.file is 'Files that a job made; they go when it goes.';
comment on column sooner.file.job is
  'No foreign key: it would cost every update of the queue, and the cleaning looks for files without a job anyway.';

create table sooner.file_chunk (
  file uuid not null references sooner.file (id) on delete cascade,
  position integer not null,
  data bytea not null,
  primary key (file, position)
);
alter table sooner.file_chunk alter column data set storage external;
comment on table sooner.file_chunk is 'A file in pieces of one size, so that any range of it is found by its position.';
"""


def upgrade() -> None:
    op.execute(FILE)


def downgrade() -> None:
    op.execute("drop table sooner.file_chunk")
    op.execute("drop table sooner.file")
