-- part: said
-- Null, once it has said to the schema's function that a running job's code submits: it is taken while its tenant leaves for another
-- database. PostgreSQL evaluates all arguments before it calls the function; a query in FROM would take longer.
nullif(case when of_job then set_config('sooner.of_job', 'on', true) end, 'on')

-- part: enqueue
-- Adds a job of an actor that is declared here, in the caller's transaction: the id of the job that is there then.
-- Everything comes as text: a connection of the caller's may have codecs of its own.
select sooner.enqueue(
  id::uuid, queue, lane, actor, message::jsonb, tenant, priority::smallint, request_id, traceparent, parent::uuid,
  coalesce(run_at::timestamptz, dramatiq.clock() + delay * interval '1 second'), cancel_after,
  :retention::double precision, idempotency_key, {{said}}, unique_key, sealed::jsonb,
  -- Null says that no job can have the id.
  case when :is_new::boolean then nullif(word, '') else word end
)::text as id

-- part: submit
-- The same for an actor that is known to workers alone.
select sooner.submit(
  actor, params::jsonb, tenant, priority, run_at::timestamptz, delay, cancel_after, idempotency_key,
  coalesce({{said}}, request_id), traceparent, parent::uuid, id::uuid
)::text as id

-- name: enqueue_each
-- Adds jobs of actors that are declared here.
{{enqueue}}
from unnest(
  :id::text[], :queue::text[], :lane::text[], :actor::text[], :message::text[], :tenant::text[], :priority::integer[],
  :request_id::text[], :traceparent::text[], :parent::text[], :run_at::text[], :delay::double precision[],
  :cancel_after::double precision[], :idempotency_key::text[], :unique_key::text[], :sealed::text[], :word::text[], :of_job::boolean[]
) as job (id, queue, lane, actor, message, tenant, priority, request_id, traceparent, parent, run_at, delay, cancel_after,
  idempotency_key, unique_key, sealed, word, of_job);

-- name: enqueue_one
-- Adds one such job: seventeen arrays of one member take longer than their members.
{{enqueue}}
from (values (
  :id::text, :queue::text, :lane::text, :actor::text, :message::text, :tenant::text, :priority::integer,
  :request_id::text, :traceparent::text, :parent::text, :run_at::text, :delay::double precision,
  :cancel_after::double precision, :idempotency_key::text, :unique_key::text, :sealed::text, :word::text, :of_job::boolean
)) as job (id, queue, lane, actor, message, tenant, priority, request_id, traceparent, parent, run_at, delay, cancel_after,
  idempotency_key, unique_key, sealed, word, of_job);

-- name: submit_each
-- Adds jobs of actors that are known to workers alone.
{{submit}}
from unnest(
  :id::text[], :actor::text[], :params::text[], :tenant::text[], :priority::text[], :run_at::text[],
  :delay::double precision[], :cancel_after::double precision[], :idempotency_key::text[], :request_id::text[],
  :traceparent::text[], :parent::text[], :of_job::boolean[]
) as job (id, actor, params, tenant, priority, run_at, delay, cancel_after, idempotency_key, request_id, traceparent, parent,
  of_job);

-- name: submit_one
-- Adds one such job.
{{submit}}
from (values (
  :id::text, :actor::text, :params::text, :tenant::text, :priority::text, :run_at::text,
  :delay::double precision, :cancel_after::double precision, :idempotency_key::text, :request_id::text,
  :traceparent::text, :parent::text, :of_job::boolean
)) as job (id, actor, params, tenant, priority, run_at, delay, cancel_after, idempotency_key, request_id, traceparent, parent,
  of_job);
