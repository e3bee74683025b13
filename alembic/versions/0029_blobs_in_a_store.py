"""Uploads and files whose bytes lie in a store of objects."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

BLOB = """
create table sooner.blob (
  id uuid primary key,
  store text not null,
  key text not null,
  whole boolean not null default false,
  created_at timestamptz not null default dramatiq.clock()
);
comment on table sooner.blob is
  'Objects with the bytes of uploads and files. A row comes before its object and goes after it; without an owner, the cleaning removes both.';
comment on column sooner.blob.id is
  'The upload''s or the file''s. No foreign key: the row outlives them, so that the object is found and removed.';
comment on column sooner.blob.store is 'BLOB_URL, as it was when the object was written.';
"""


def upgrade() -> None:
    op.execute(BLOB)


def downgrade() -> None:
    op.execute("drop table sooner.blob")
