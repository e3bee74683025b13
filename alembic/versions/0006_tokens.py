"""Short-lived tokens for browsers."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = """
create table sooner.token (
  id uuid primary key,
  key uuid not null references sooner.api_key (id) on delete cascade,
  digest bytea not null unique,
  created_at timestamptz not null default dramatiq.clock(),
  expires_at timestamptz not null
);
create index token_key on sooner.token (key);
create index token_expiry on sooner.token (expires_at);
comment on table sooner.token is 'Tokens: the SHA-256 of each. One is good while its time lasts and its key is good.';
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("drop table sooner.token")
