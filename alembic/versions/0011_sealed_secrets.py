"""Secret parameters lie sealed in a column of their own."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table dramatiq.queue add column sealed jsonb")
    op.execute(
        """
        comment on column dramatiq.queue.sealed is
          'Ciphertexts of secret parameters by JSON pointer into the message''s kwargs, which hold a mark there.'
        """
    )


def downgrade() -> None:
    op.execute("alter table dramatiq.queue drop column sealed")
