"""Everything that a tenant can own, and all of it as it lies in a database."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

#: One of each kind of job, and what belongs to it; `$1` is the tenant.
JOBS = """
insert into dramatiq.queue
  (message_id, actor, lane, message, tenant, state, attempts, version, fence, started_at, finished_at, expires_at, worker,
   result, error, raised, history, progress, request_id, traceparent, idempotency_key, fingerprint, unique_key, limit_key,
   sealed, notify, due_at, run_at, cancel_at, turn, parent, priority)
select sooner.new_id(), 'echo', 'default', jsonb_build_object('kwargs', jsonb_build_object('of', $1::text), 'actor_name', 'echo',
    'queue_name', 'default', 'args', '[]'::jsonb, 'options', '{}'::jsonb),
  $1, state::dramatiq.state, attempts, 3, 77, started, finished, now() + interval '7 days', worker,
  case state when 'done' then '{"deep": [1, 2.5, "\\u00e9"]}'::jsonb end,
  case when state in ('rejected', 'error_resolved') then '{"type": "X", "title": "t", "detail": "d"}'::jsonb end,
  case state when 'rejected' then '{"exception": "X()", "traceback": "…"}'::jsonb end,
  '[{"attempt": 1, "outcome": "failed"}]', '{"fraction": 0.5}', 'req ' || $1, '00-' || repeat('a', 32) || '-' || repeat('b', 16) || '-01',
  state || coalesce(key, ''), sha256(state::bytea), case when key = 'unique' then 'unique of ' || $1 end,
  case when key = 'limited' then 'echo ' || $1 end, case when key = 'sealed' then '{"/x": "c2VjcmV0"}'::jsonb end,
  case when key = 'mailed' then '[{"to": "a@example.org", "url": "/x"}]'::jsonb end,
  due, due, now() + interval '3 hours', case when due is null then (extract(epoch from now()) * 1000000)::bigint end,
  sooner.new_id(), 1
from (values
  ('done', 1, now(), now(), gen_random_uuid(), null, null::timestamptz),
  ('done', 2, now(), now(), gen_random_uuid(), 'mailed', null),
  ('rejected', 3, now(), now(), gen_random_uuid(), null, null),
  ('error_resolved', 3, now(), now() - interval '1 hour', gen_random_uuid(), null, null),
  ('cancelled', 0, null, now(), null, null, null),
  ('queued', 0, null, null, null, null, null),
  ('queued', 0, null, null, null, 'unique', null),
  ('queued', 0, null, null, null, 'limited', null),
  ('queued', 1, now(), null, null, 'sealed', null),
  ('queued', 0, null, null, null, 'postponed', now() + interval '1 day'),
  ('queued', 2, now(), null, null, 'retried', now() + interval '1 hour')
) as job (state, attempts, started, finished, worker, key, due)
"""
BELONGINGS = (
    """insert into sooner.output (job, number, fence, piece)
    select message_id, n, 77, case when n < 3 then to_jsonb('piece ' || n)::text end
    from dramatiq.queue cross join generate_series(1, 3) as n where tenant = $1 and state in ('done', 'rejected', 'queued')""",
    """insert into sooner.log_line (job, number, attempt, at, level, logger, message, fields)
    select message_id, 77000 + n, 1, now(), 'info', 'x', 'line ' || n, '{"a": 1}'
    from dramatiq.queue cross join generate_series(1, 3) as n where tenant = $1 and state in ('done', 'rejected')""",
    """insert into sooner.file (id, job, name, type, bytes, sha256)
    select gen_random_uuid(), message_id, 'f.bin', 'application/octet-stream', 2 * 262144, 'abc'
    from dramatiq.queue where tenant = $1 and state = 'done'""",
    """insert into sooner.file_chunk (file, position, data)
    select file.id, n, decode(repeat(md5(n::text), 16384), 'hex')
    from sooner.file join dramatiq.queue on message_id = job cross join generate_series(0, 1) as n where tenant = $1""",
    """insert into sooner.file (id, job, name, type, bytes, sha256)
    select gen_random_uuid(), message_id, 'stored', 'text/plain', 5, 'abc'
    from dramatiq.queue where tenant = $1 and state = 'rejected'""",
    """insert into sooner.blob (id, store, key, whole)
    select file.id, 'file:///nowhere', 'files/' || file.id, true
    from sooner.file join dramatiq.queue on message_id = job where tenant = $1 and state = 'rejected'""",
    """insert into sooner.upload (id, tenant, bytes, sha256, expires_at)
    select gen_random_uuid(), $1, 300000, 'def', now() + interval '7 days' from generate_series(1, 3)""",
    """insert into sooner.chunk (upload, position, data)
    select id, n, decode(repeat(md5(n::text), 9375), 'hex')
    from sooner.upload cross join generate_series(0, 1) as n where tenant = $1""",
    """insert into sooner.upload (id, tenant, bytes, sha256, expires_at)
    values (gen_random_uuid(), $1, 7, 'def', now() + interval '7 days')""",
    """insert into sooner.blob (id, store, key, whole)
    select id, 'file:///nowhere', 'uploads/' || id, true from sooner.upload where tenant = $1 and bytes = 7""",
    """insert into sooner.api_key (id, tenant, name, scopes, digest, last_used_at)
    values (gen_random_uuid(), $1, 'key', '{jobs}', sha256($1::text::bytea), now())""",
    """insert into sooner.token (id, key, digest, expires_at)
    select gen_random_uuid(), id, sha256(id::text::bytea), now() + interval '1 hour' from sooner.api_key where tenant = $1""",
    """insert into sooner.webhook (id, tenant, url, events, secret)
    values (gen_random_uuid(), $1, 'https://example.org/' || $1, '{job.done,job.error}', 'whsec_' || $1)""",
    """insert into sooner."limit" (key, most, running) values ('echo ' || $1::text, 3, 1)""",
    """insert into dramatiq.queue (message_id, actor, lane, queue_name, message, due_at, turn, attempts)
    select sooner.new_id(), 'deliver_webhook', 'webhooks', 'webhooks', jsonb_build_object('actor_name', 'deliver_webhook',
      'kwargs', jsonb_build_object('webhook', webhook.id, 'job', gen_random_uuid(), 'event', 'job.done', 'ended_at', now())),
      due, case when due is null then 7 end, attempts
    from sooner.webhook cross join (values (null::timestamptz, 0), (now() + interval '5 hours', 3)) as delivery (due, attempts)
    where tenant = $1""",
    """insert into dramatiq.queue (message_id, actor, lane, queue_name, message, state, finished_at, expires_at, result, error)
    select sooner.new_id(), 'deliver_webhook', 'webhooks', 'webhooks', jsonb_build_object('actor_name', 'deliver_webhook',
      'kwargs', jsonb_build_object('webhook', webhook.id, 'job', gen_random_uuid(), 'event', 'job.done')),
      ended.state::dramatiq.state, now(), now() + interval '7 days', ended.result::jsonb, ended.error::jsonb
    from sooner.webhook cross join (values ('done', '{"status": 200}', null), ('rejected', null, '{"title": "no"}')) as ended (state, result, error)
    where tenant = $1""",
    """insert into dramatiq.queue (message_id, actor, lane, queue_name, message, due_at, turn)
    select sooner.new_id(), 'deliver_mail', 'mail', 'mail', jsonb_build_object('actor_name', 'deliver_mail',
      'kwargs', jsonb_build_object('job', message_id, 'to', 'a@example.org')), due, case when due is null then 7 end
    from dramatiq.queue cross join (values (null::timestamptz), (now() + interval '2 hours')) as mail (due)
    where tenant = $1 and state = 'cancelled'""",
)
OF_JOB = "in (select message_id from dramatiq.queue where tenant = $1)"
OF_FILE = f"in (select id from sooner.file where job {OF_JOB})"
#: The rows of each table that are the tenant's; a delivery that is due may be held until a mover's lease ends.
OWNED = {
    "jobs": "select to_jsonb(t) from dramatiq.queue as t where tenant = $1",
    "output": f"select to_jsonb(t) from sooner.output as t where job {OF_JOB}",
    "lines": f"select to_jsonb(t) from sooner.log_line as t where job {OF_JOB}",
    "files": f"select to_jsonb(t) from sooner.file as t where job {OF_JOB}",
    "pieces": f"select to_jsonb(t) from sooner.file_chunk as t where file {OF_FILE}",
    "blobs": f"select to_jsonb(t) from sooner.blob as t where id {OF_FILE} or id in (select id from sooner.upload where tenant = $1)",
    "uploads": "select to_jsonb(t) from sooner.upload as t where tenant = $1",
    "chunks": "select to_jsonb(t) from sooner.chunk as t where upload in (select id from sooner.upload where tenant = $1)",
    "keys": "select to_jsonb(t) from sooner.api_key as t where tenant = $1",
    "tokens": "select to_jsonb(t) from sooner.token as t where key in (select id from sooner.api_key where tenant = $1)",
    "webhooks": "select to_jsonb(t) from sooner.webhook as t where tenant = $1",
    "deliveries": """select to_jsonb(t) || case when due_at > now() + interval '15 seconds' then '{}' else '{"due_at": null, "turn": null}'::jsonb end
    from dramatiq.queue as t where tenant is null and state <> 'consumed' and (
      message->'kwargs'->>'webhook' in (select id::text from sooner.webhook where tenant = $1)
      or message->'kwargs'->>'job' in (select message_id::text from dramatiq.queue where tenant = $1))""",
}
LIMITS = """select key, most, interval_seconds, burst, next_at from sooner."limit"
where key in (select limit_key from dramatiq.queue where tenant = $1)"""

Rows = dict[str, list[str]]


async def fill(url: str, tenant: str) -> None:
    """Gives a tenant everything that it can own."""
    connection = await asyncpg.connect(url)
    for statement in (JOBS, *BELONGINGS):
        await connection.execute(statement, tenant)
    await connection.close()


async def owned(url: str, tenant: str) -> Rows:
    """All rows of a tenant in a database, each as one text."""
    connection = await asyncpg.connect(url)
    try:
        found = {name: sorted(_texts(await connection.fetch(query, tenant))) for name, query in OWNED.items()}
        found["limits"] = sorted(str(tuple(row)) for row in await connection.fetch(LIMITS, tenant))
        return found
    finally:
        await connection.close()


def _texts(records: list[Any]) -> list[str]:
    return [json.dumps(json.loads(record[0]), sort_keys=True) for record in records]


NOTHING: Rows = {**{name: [] for name in OWNED}, "limits": []}
