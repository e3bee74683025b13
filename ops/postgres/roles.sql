-- Least privilege: a role of its own for each process, and one for other programs, which may submit jobs. Run it as the owner of the schema after every migration:
--   psql "$DATABASE_URL" -f ops/postgres/roles.sql
-- It may be run again at any time. The roles have no password: alter role sooner_web password '...', and so on,
-- then give each process an address of its own. API keys are made with the owner's address.

do $$
declare
  name text;
begin
  foreach name in array array['sooner_web', 'sooner_worker', 'sooner_scheduler', 'sooner_client'] loop
    begin
      execute format('create role %I login noinherit nosuperuser nocreatedb nocreaterole', name);
    exception when duplicate_object or unique_violation then
      null;
    end;
  end loop;
end $$;

begin;

revoke all on all tables in schema dramatiq, sooner, sooner_directory from sooner_web, sooner_worker, sooner_scheduler, sooner_client;
grant usage on schema dramatiq, sooner to sooner_web, sooner_worker, sooner_scheduler;
grant select on sooner.alembic_version, sooner.shard, sooner.frozen_tenant to sooner_web, sooner_worker, sooner_scheduler;
-- Whose data lies in which database: web asks, the owner writes.
grant usage on schema sooner_directory to sooner_web;
grant select on all tables in schema sooner_directory to sooner_web;

-- Every column but some: what a later migration adds is not forgotten.
create function pg_temp.allow(who name, what text, of_table regclass, but name[]) returns void language plpgsql as $$
declare
  columns constant text := (
    select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
    where attrelid = of_table and (attnum > 0 or attname = 'ctid') and not attisdropped and attname <> all(but)
  );
begin
  execute format('grant %s (%s) on %s to %I', what, columns, of_table, who);
end $$;

-- web: adds jobs, reads them, secrets but sealed, and does to them what a person may ask for. What became of an
-- attempt (result, counts, fence, start) and what was asked for (message, tenant, actor) it cannot change.
grant select on dramatiq.queue to sooner_web;
select pg_temp.allow('sooner_web', 'insert', 'dramatiq.queue', array[
  'result', 'result_ttl', 'started_at', 'finished_at', 'attempts', 'crashes', 'version', 'fence', 'worker', 'progress',
  'error', 'raised', 'sent_at']);
grant update (state, turn, due_at, cancel_at, cancel_requested, finished_at, expires_at, error, raised, progress,
  worker, history, version, mtime, idempotency_key, notify) on dramatiq.queue to sooner_web;
grant select, update (last_used_at) on sooner.api_key to sooner_web;
grant select, insert on sooner.token, sooner.chunk to sooner_web;
grant select, insert, update, delete on sooner.upload, sooner.webhook, sooner.sample, sooner.queue, sooner."limit",
  sooner.blob to sooner_web;
grant select on sooner.worker, sooner.lease, sooner.schedule, sooner.tick, sooner.file, sooner.file_chunk,
  sooner.actor_history, sooner.counter, sooner.output to sooner_web;
-- Attempts are counted by the statement that ends them; web ends those of dead workers.
grant select, insert on sooner.attempt_tally to sooner_web;
grant select on sooner.attempt_total, sooner.attempt_history, sooner.log_line to sooner_web;

-- worker: runs jobs, brings them to where they are claimed, and cleans up. Whose a job is and what was asked for it cannot change.
grant select, insert, delete on dramatiq.queue to sooner_worker;
select pg_temp.allow('sooner_worker', 'update', 'dramatiq.queue', array[
  'message_id', 'actor', 'message', 'sealed', 'tenant', 'request_id', 'traceparent', 'parent', 'created_at',
  'idempotency_key', 'fingerprint', 'unique_key', 'cancel_at', 'notify']);
grant select, insert, update, delete on sooner.worker, sooner."limit", sooner.file, sooner.file_chunk,
  sooner.actor_history, sooner.sample, sooner.output, sooner.attempt_tally, sooner.attempt_total, sooner.attempt_history,
  sooner.blob to sooner_worker;
grant select, update, delete on sooner.upload, sooner.chunk to sooner_worker;
grant select, insert on sooner.log_line to sooner_worker;
grant select, update (disabled_at) on sooner.webhook to sooner_worker;
grant select on sooner.queue, sooner.lease to sooner_worker;
grant select, insert, update, delete on sooner.unknown_actor to sooner_worker;
grant select, update (since) on sooner.schedule to sooner_worker;
grant select, update, delete on sooner.tick to sooner_worker;
-- Expired credentials are removed; what they are is not read.
select pg_temp.allow('sooner_worker', 'select', 'sooner.api_key', array['digest']);
select pg_temp.allow('sooner_worker', 'select', 'sooner.token', array['digest']);
grant delete, update (id) on sooner.api_key, sooner.token to sooner_worker;

-- scheduler: fires ticks. It can add a job and see where in line it stands, but reads no parameters and no results.
grant insert (message_id, queue_name, lane, actor, message, request_id, traceparent, turn) on dramatiq.queue to sooner_scheduler;
grant select (message_id, lane, tenant, priority, turn, state, due_at) on dramatiq.queue to sooner_scheduler;
grant select, update on sooner.lease to sooner_scheduler;
grant select, insert, update on sooner.schedule, sooner.tick to sooner_scheduler;
-- Which actors living workers know.
grant select (id, actors, expires_at) on sooner.worker to sooner_scheduler;
grant select on sooner.unknown_actor to sooner_scheduler;

-- What a job's code submits. The functions do what they do under the role that owns them, and nothing else.
revoke all on function sooner.submit, sooner.enqueue from public, sooner_web, sooner_worker, sooner_scheduler, sooner_client;
-- A program that submits and follows (`Sooner`) has web's role.
grant execute on function sooner.submit, sooner.enqueue to sooner_web, sooner_worker;

-- client: any other program, in any language. It submits jobs (select sooner.submit(actor, params, …)) for any tenant, and no more.
grant usage on schema sooner to sooner_client;
grant execute on function sooner.submit to sooner_client;

commit;
