"""Who came, and how often."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        create table visitor (
          name text primary key,
          visits integer not null default 1,
          came_at timestamptz not null default now()
        )
        """
    )


def downgrade() -> None:
    op.execute("drop table visitor")
