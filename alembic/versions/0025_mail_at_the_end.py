"""Mail at a job's end, for whoever asked for it: the row that ends adds the delivery, whichever statement ends it."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

COLUMNS = """
alter table dramatiq.queue add column notify jsonb, add column sent_at timestamptz;
comment on column dramatiq.queue.notify is 'The mails to send at its end: [{"to": address, "url": the job''s signed address}].';
comment on column dramatiq.queue.sent_at is 'When a mail server accepted the mail that it delivers: no later attempt sends it again.';
"""

MAIL = """
create function sooner.mail_end() returns trigger language plpgsql as $$
declare
  said constant text := case new.state when 'rejected' then 'error' else new.state::text end;
begin
  insert into dramatiq.queue (message_id, queue_name, lane, actor, message, turn, request_id, traceparent)
  select delivery, 'mail', 'mail', 'deliver_mail',
    jsonb_build_object(
      'queue_name', 'mail', 'actor_name', 'deliver_mail', 'args', '[]'::jsonb, 'options', '{}'::jsonb,
      'message_id', delivery, 'message_timestamp', (extract(epoch from clock_timestamp()) * 1000)::bigint,
      'kwargs', notice || jsonb_build_object(
        'job', new.message_id, 'actor', new.actor, 'state', said, 'title', new.error->>'title', 'ended_at', new.finished_at)
    ),
    dramatiq.next_turn('mail', 1::smallint, null), new.request_id, new.traceparent
  from (select sooner.new_id() as delivery, notice from jsonb_array_elements(new.notify) as notice) as wanted;
  perform pg_notify('dramatiq.mail.enqueue', '');
  return null;
end $$;
comment on function sooner.mail_end() is 'Adds the jobs that send the mails asked for at a job''s end, within the statement that ends it.';

create trigger queue_mail_end after update of state on dramatiq.queue for each row
when (new.notify is not null and old.state in ('queued', 'consumed') and new.state in ('done', 'rejected', 'cancelled'))
execute function sooner.mail_end();
"""


def upgrade() -> None:
    op.execute(COLUMNS)
    op.execute(MAIL)


def downgrade() -> None:
    op.execute("drop trigger queue_mail_end on dramatiq.queue")
    op.execute("drop function sooner.mail_end()")
    op.execute("alter table dramatiq.queue drop column notify, drop column sent_at")
