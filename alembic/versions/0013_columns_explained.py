"""What the columns of a job are for, for whoever reads the database itself."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COMMENTS = {
    "message": 'The message as dramatiq encodes it; its "kwargs" are the parameters, secret ones masked.',
    "state": "queued: waiting. consumed: processing. rejected: error. The others as they are called.",
    "mtime": "When the row was last changed.",
    "worker": "The lease (sooner.worker) under which it is or was held.",
    "attempts": "Attempts begun; one that a shutdown interrupted is taken back.",
    "crashes": "Workers that died with it.",
    "run_at": "The time to which it was postponed when it was made.",
    "cancel_at": "Cancelled when it is not final by then (Cancel-After).",
    "cancel_requested": "Somebody wants it stopped; its worker looks at this when a notification was lost.",
    "fingerprint": "An HMAC of actor and parameters: tells a repeated request from a reused key.",
}


def upgrade() -> None:
    for column, comment in COMMENTS.items():
        text = comment.replace("'", "''")
        op.execute(f"comment on column dramatiq.queue.{column} is '{text}'")


def downgrade() -> None:
    for column in COMMENTS:
        op.execute(f"comment on column dramatiq.queue.{column} is null")
