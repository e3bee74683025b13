-- The schema after every migration. Made by ./ops/schema; edit the migrations instead.

CREATE SCHEMA dramatiq;

CREATE SCHEMA sooner;

CREATE SCHEMA sooner_directory;

COMMENT ON SCHEMA sooner_directory IS 'Which shard has which tenant. It is read in the home shard''s database alone; every database has it.';

CREATE TYPE dramatiq.state AS ENUM (
    'queued',
    'consumed',
    'rejected',
    'done',
    'error_resolved',
    'cancelled'
);

CREATE FUNCTION dramatiq.adopt() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  new.actor := coalesce(new.message->>'actor_name', '');
  if new.actor = '' then
    raise exception 'a message needs an actor_name' using errcode = 'check_violation';
  end if;
  if new.queue_name like '%.DQ' then
    new.queue_name := left(new.queue_name, -3);
    new.run_at := to_timestamp((new.message->'options'->>'eta')::double precision / 1000);
    new.due_at := new.run_at;
  end if;
  new.lane := coalesce(new.lane, new.queue_name);
  if new.due_at is null then
    new.turn := dramatiq.next_turn(new.lane, new.priority, new.tenant);
  end if;
  return new;
end $$;

COMMENT ON FUNCTION dramatiq.adopt() IS 'Makes a stock dramatiq-pg producer''s row a whole job: its actor, and its delay as a time in the table.';

CREATE FUNCTION dramatiq.clock() RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN now();

COMMENT ON FUNCTION dramatiq.clock() IS 'The one clock of the queue: every process agrees on it, and a test moves time by replacing it.';

CREATE FUNCTION dramatiq.count_limited() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  if new.state = 'consumed' then
    update sooner."limit"
    set running = running + 1,
      next_at = greatest(next_at, dramatiq.clock()) + interval_seconds * interval '1 second'
    where key = new.limit_key;
  else
    update sooner."limit" set running = running - 1 where key = new.limit_key;
    perform pg_notify('dramatiq.' || new.lane || '.enqueue', '');
  end if;
  return null;
end $$;

COMMENT ON FUNCTION dramatiq.count_limited() IS 'Counts what runs under a limit in the transaction that changes it, whichever statement does.';

CREATE TABLE dramatiq.queue (
    message_id uuid NOT NULL,
    queue_name text DEFAULT 'default'::text NOT NULL,
    state dramatiq.state DEFAULT 'queued'::dramatiq.state NOT NULL,
    mtime timestamp with time zone DEFAULT dramatiq.clock(),
    message jsonb NOT NULL,
    result jsonb,
    result_ttl timestamp with time zone,
    actor text NOT NULL,
    lane text NOT NULL,
    tenant text,
    priority smallint DEFAULT 1 NOT NULL,
    request_id text,
    traceparent text,
    created_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    run_at timestamp with time zone,
    due_at timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    expires_at timestamp with time zone,
    cancel_at timestamp with time zone,
    cancel_requested boolean DEFAULT false NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    crashes integer DEFAULT 0 NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    fence bigint DEFAULT 0 NOT NULL,
    worker uuid,
    progress jsonb,
    error jsonb,
    idempotency_key text,
    fingerprint bytea,
    turn bigint,
    limit_key text,
    unique_key text,
    sealed jsonb,
    history jsonb,
    raised jsonb,
    parent uuid,
    notify jsonb,
    sent_at timestamp with time zone,
    CONSTRAINT counts_are_natural CHECK (((attempts >= 0) AND (crashes >= 0) AND (version >= 0) AND (fence >= 0))),
    CONSTRAINT done_has_result CHECK (((state <> 'done'::dramatiq.state) OR ((result IS NOT NULL) AND (error IS NULL)))),
    CONSTRAINT error_has_error CHECK (((state = ANY (ARRAY['rejected'::dramatiq.state, 'error_resolved'::dramatiq.state])) <= (error IS NOT NULL))),
    CONSTRAINT final_has_finish_time CHECK (((state = ANY (ARRAY['done'::dramatiq.state, 'rejected'::dramatiq.state, 'error_resolved'::dramatiq.state, 'cancelled'::dramatiq.state])) = (finished_at IS NOT NULL))),
    CONSTRAINT only_waiting_is_postponed CHECK (((due_at IS NULL) OR (state = 'queued'::dramatiq.state))),
    CONSTRAINT priority_is_known CHECK (((priority >= 0) AND (priority <= 2))),
    CONSTRAINT processing_has_worker CHECK (((state <> 'consumed'::dramatiq.state) OR ((worker IS NOT NULL) AND (started_at IS NOT NULL)))),
    CONSTRAINT waiting_has_no_worker CHECK (((state <> 'queued'::dramatiq.state) OR (worker IS NULL)))
)
WITH (fillfactor='85', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_analyze_scale_factor='0.05', vacuum_truncate=off, toast.vacuum_truncate=off);

COMMENT ON COLUMN dramatiq.queue.state IS 'queued: waiting. consumed: processing. rejected: error. The others as they are called.';

COMMENT ON COLUMN dramatiq.queue.mtime IS 'When the row was last changed.';

COMMENT ON COLUMN dramatiq.queue.message IS 'The message as dramatiq encodes it; its "kwargs" are the parameters, secret ones masked.';

COMMENT ON COLUMN dramatiq.queue.lane IS 'What a claim takes from: the queue, or the part of it that wants another resource (threads).';

COMMENT ON COLUMN dramatiq.queue.run_at IS 'The time to which it was postponed when it was made.';

COMMENT ON COLUMN dramatiq.queue.due_at IS 'Null: may be claimed now. A time: postponed, or between two attempts; promoted when it comes.';

COMMENT ON COLUMN dramatiq.queue.cancel_at IS 'Cancelled when it is not final by then (Cancel-After).';

COMMENT ON COLUMN dramatiq.queue.cancel_requested IS 'Somebody wants it stopped; its worker looks at this when a notification was lost.';

COMMENT ON COLUMN dramatiq.queue.attempts IS 'Attempts begun; one that a shutdown interrupted is taken back.';

COMMENT ON COLUMN dramatiq.queue.crashes IS 'Workers that died with it.';

COMMENT ON COLUMN dramatiq.queue.version IS 'Grows with every change that a reader can see: the ETag, and the id of an event.';

COMMENT ON COLUMN dramatiq.queue.fence IS 'Grows with every claim: whoever writes with an older one holds the job no more.';

COMMENT ON COLUMN dramatiq.queue.worker IS 'The lease (sooner.worker) under which it is or was held.';

COMMENT ON COLUMN dramatiq.queue.fingerprint IS 'An HMAC of actor and parameters: tells a repeated request from a reused key.';

COMMENT ON COLUMN dramatiq.queue.turn IS 'The round of its lane and priority in which it comes up: a tenant has one job a round.';

COMMENT ON COLUMN dramatiq.queue.limit_key IS 'The row of sooner.limit that it counts under; null where nothing limits it.';

COMMENT ON COLUMN dramatiq.queue.sealed IS 'Ciphertexts of secret parameters by JSON pointer into the message''s kwargs, which hold a mark there.';

COMMENT ON COLUMN dramatiq.queue.history IS 'The attempts before the latest one, the last twenty of them; null for most jobs, which need one.';

COMMENT ON COLUMN dramatiq.queue.raised IS 'What the latest attempt raised, for operators alone: {"exception", "traceback"}, texts of bounded length.';

COMMENT ON COLUMN dramatiq.queue.parent IS 'The job whose code submitted it.';

COMMENT ON COLUMN dramatiq.queue.notify IS 'The mails to send at its end: [{"to": address, "url": the job''s signed address}].';

COMMENT ON COLUMN dramatiq.queue.sent_at IS 'When a mail server accepted the mail that it delivers: no later attempt sends it again.';

CREATE FUNCTION dramatiq.next_turn(of_lane text, of_priority smallint, of_tenant text) RETURNS bigint
    LANGUAGE sql STABLE
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_sort TO 'off'
    RETURN COALESCE((SELECT (queue.turn + 1) FROM dramatiq.queue WHERE ((queue.state = 'queued'::dramatiq.state) AND (queue.due_at IS NULL) AND (queue.lane = next_turn.of_lane) AND (queue.priority = next_turn.of_priority) AND (COALESCE(queue.tenant, ''::text) = COALESCE(next_turn.of_tenant, ''::text)) AND (queue.turn IS NOT NULL)) ORDER BY queue.turn DESC LIMIT 1), (SELECT queue.turn FROM dramatiq.queue WHERE ((queue.state = 'queued'::dramatiq.state) AND (queue.due_at IS NULL) AND (queue.lane = next_turn.of_lane) AND (queue.priority = next_turn.of_priority)) ORDER BY queue.turn LIMIT 1), (0)::bigint);

COMMENT ON FUNCTION dramatiq.next_turn(of_lane text, of_priority smallint, of_tenant text) IS 'The round in which a tenant''s next job comes up: after its own waiting ones, else in the round under way.';

CREATE FUNCTION dramatiq.remembered(job dramatiq.queue, outcome text, error jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN (SELECT jsonb_agg(kept.past ORDER BY kept.place) AS jsonb_agg FROM (SELECT attempt.past, attempt.place FROM jsonb_array_elements((COALESCE((remembered.job).history, '[]'::jsonb) || jsonb_build_object('attempt', (remembered.job).attempts, 'outcome', remembered.outcome, 'started_at', (remembered.job).started_at, 'ended_at', COALESCE((remembered.job).finished_at, dramatiq.clock()), 'worker', (remembered.job).worker, 'error', remembered.error))) WITH ORDINALITY attempt(past, place) ORDER BY attempt.place DESC LIMIT 20) kept);

COMMENT ON FUNCTION dramatiq.remembered(job dramatiq.queue, outcome text, error jsonb) IS 'The history of a job that is to be tried again, its attempt until now included.';

CREATE FUNCTION dramatiq.remembered(job dramatiq.queue, outcome text, error jsonb, raised jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN (SELECT jsonb_agg(kept.past ORDER BY kept.place) AS jsonb_agg FROM (SELECT attempt.past, attempt.place FROM jsonb_array_elements((COALESCE((remembered.job).history, '[]'::jsonb) || jsonb_build_object('attempt', (remembered.job).attempts, 'outcome', remembered.outcome, 'started_at', (remembered.job).started_at, 'ended_at', COALESCE((remembered.job).finished_at, dramatiq.clock()), 'worker', (remembered.job).worker, 'error', remembered.error, 'raised', remembered.raised))) WITH ORDINALITY attempt(past, place) ORDER BY attempt.place DESC LIMIT 20) kept);

COMMENT ON FUNCTION dramatiq.remembered(job dramatiq.queue, outcome text, error jsonb, raised jsonb) IS 'The history of a job that is to be tried again, its attempt until now included.';

CREATE FUNCTION sooner.at_most(seconds double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (ARRAY[(0.00010)::double precision, (0.00011)::double precision, (0.00012)::double precision, (0.00013)::double precision, (0.00015)::double precision, (0.00016)::double precision, (0.00018)::double precision, (0.00020)::double precision, (0.00022)::double precision, (0.00024)::double precision, (0.00027)::double precision, (0.00030)::double precision, (0.00033)::double precision, (0.00036)::double precision, (0.00039)::double precision, (0.00043)::double precision, (0.00047)::double precision, (0.00050)::double precision, (0.00056)::double precision, (0.00062)::double precision, (0.00068)::double precision, (0.00075)::double precision, (0.00082)::double precision, (0.00091)::double precision, (0.0010)::double precision, (0.0011)::double precision, (0.0012)::double precision, (0.0013)::double precision, (0.0015)::double precision, (0.0016)::double precision, (0.0018)::double precision, (0.0020)::double precision, (0.0022)::double precision, (0.0024)::double precision, (0.0027)::double precision, (0.0030)::double precision, (0.0033)::double precision, (0.0036)::double precision, (0.0039)::double precision, (0.0043)::double precision, (0.0047)::double precision, (0.0050)::double precision, (0.0056)::double precision, (0.0062)::double precision, (0.0068)::double precision, (0.0075)::double precision, (0.0082)::double precision, (0.0091)::double precision, (0.010)::double precision, (0.011)::double precision, (0.012)::double precision, (0.013)::double precision, (0.015)::double precision, (0.016)::double precision, (0.018)::double precision, (0.020)::double precision, (0.022)::double precision, (0.024)::double precision, (0.027)::double precision, (0.030)::double precision, (0.033)::double precision, (0.036)::double precision, (0.039)::double precision, (0.043)::double precision, (0.047)::double precision, (0.050)::double precision, (0.056)::double precision, (0.062)::double precision, (0.068)::double precision, (0.075)::double precision, (0.082)::double precision, (0.091)::double precision, (0.10)::double precision, (0.11)::double precision, (0.12)::double precision, (0.13)::double precision, (0.15)::double precision, (0.16)::double precision, (0.18)::double precision, (0.20)::double precision, (0.22)::double precision, (0.24)::double precision, (0.27)::double precision, (0.30)::double precision, (0.33)::double precision, (0.36)::double precision, (0.39)::double precision, (0.43)::double precision, (0.47)::double precision, (0.50)::double precision, (0.56)::double precision, (0.62)::double precision, (0.68)::double precision, (0.75)::double precision, (0.82)::double precision, (0.91)::double precision, (1.0)::double precision, (1.1)::double precision, (1.2)::double precision, (1.3)::double precision, (1.5)::double precision, (1.6)::double precision, (1.8)::double precision, (2.0)::double precision, (2.2)::double precision, (2.4)::double precision, (2.7)::double precision, (3.0)::double precision, (3.3)::double precision, (3.6)::double precision, (3.9)::double precision, (4.3)::double precision, (4.7)::double precision, (5.0)::double precision, (5.6)::double precision, (6.2)::double precision, (6.8)::double precision, (7.5)::double precision, (8.2)::double precision, (9.1)::double precision, ('10'::numeric)::double precision, ('11'::numeric)::double precision, ('12'::numeric)::double precision, ('13'::numeric)::double precision, ('15'::numeric)::double precision, ('16'::numeric)::double precision, ('18'::numeric)::double precision, ('20'::numeric)::double precision, ('22'::numeric)::double precision, ('24'::numeric)::double precision, ('27'::numeric)::double precision, ('30'::numeric)::double precision, ('33'::numeric)::double precision, ('36'::numeric)::double precision, ('39'::numeric)::double precision, ('43'::numeric)::double precision, ('47'::numeric)::double precision, ('50'::numeric)::double precision, ('56'::numeric)::double precision, ('62'::numeric)::double precision, ('68'::numeric)::double precision, ('75'::numeric)::double precision, ('82'::numeric)::double precision, ('91'::numeric)::double precision, ('100'::numeric)::double precision, ('110'::numeric)::double precision, ('120'::numeric)::double precision, ('130'::numeric)::double precision, ('150'::numeric)::double precision, ('160'::numeric)::double precision, ('180'::numeric)::double precision, ('200'::numeric)::double precision, ('220'::numeric)::double precision, ('240'::numeric)::double precision, ('270'::numeric)::double precision, ('300'::numeric)::double precision, ('330'::numeric)::double precision, ('360'::numeric)::double precision, ('390'::numeric)::double precision, ('430'::numeric)::double precision, ('470'::numeric)::double precision, ('500'::numeric)::double precision, ('560'::numeric)::double precision, ('620'::numeric)::double precision, ('680'::numeric)::double precision, ('750'::numeric)::double precision, ('820'::numeric)::double precision, ('910'::numeric)::double precision, ('1000'::numeric)::double precision, ('1100'::numeric)::double precision, ('1200'::numeric)::double precision, ('1300'::numeric)::double precision, ('1500'::numeric)::double precision, ('1600'::numeric)::double precision, ('1800'::numeric)::double precision, ('2000'::numeric)::double precision, ('2200'::numeric)::double precision, ('2400'::numeric)::double precision, ('2700'::numeric)::double precision, ('3000'::numeric)::double precision, ('3300'::numeric)::double precision, ('3600'::numeric)::double precision, ('3900'::numeric)::double precision, ('4300'::numeric)::double precision, ('4700'::numeric)::double precision, ('5000'::numeric)::double precision, ('5600'::numeric)::double precision, ('6200'::numeric)::double precision, ('6800'::numeric)::double precision, ('7500'::numeric)::double precision, ('8200'::numeric)::double precision, ('9100'::numeric)::double precision, ('10000'::numeric)::double precision, ('11000'::numeric)::double precision, ('12000'::numeric)::double precision, ('13000'::numeric)::double precision, ('15000'::numeric)::double precision, ('16000'::numeric)::double precision, ('18000'::numeric)::double precision, ('20000'::numeric)::double precision, ('22000'::numeric)::double precision, ('24000'::numeric)::double precision, ('27000'::numeric)::double precision, ('30000'::numeric)::double precision, ('33000'::numeric)::double precision, ('36000'::numeric)::double precision, ('39000'::numeric)::double precision, ('43000'::numeric)::double precision, ('47000'::numeric)::double precision, ('50000'::numeric)::double precision, ('56000'::numeric)::double precision, ('62000'::numeric)::double precision, ('68000'::numeric)::double precision, ('75000'::numeric)::double precision, ('82000'::numeric)::double precision, ('91000'::numeric)::double precision, (100000)::double precision, 'Infinity'::double precision])[(1 + width_bucket(seconds, ARRAY[(0.00010)::double precision, (0.00011)::double precision, (0.00012)::double precision, (0.00013)::double precision, (0.00015)::double precision, (0.00016)::double precision, (0.00018)::double precision, (0.00020)::double precision, (0.00022)::double precision, (0.00024)::double precision, (0.00027)::double precision, (0.00030)::double precision, (0.00033)::double precision, (0.00036)::double precision, (0.00039)::double precision, (0.00043)::double precision, (0.00047)::double precision, (0.00050)::double precision, (0.00056)::double precision, (0.00062)::double precision, (0.00068)::double precision, (0.00075)::double precision, (0.00082)::double precision, (0.00091)::double precision, (0.0010)::double precision, (0.0011)::double precision, (0.0012)::double precision, (0.0013)::double precision, (0.0015)::double precision, (0.0016)::double precision, (0.0018)::double precision, (0.0020)::double precision, (0.0022)::double precision, (0.0024)::double precision, (0.0027)::double precision, (0.0030)::double precision, (0.0033)::double precision, (0.0036)::double precision, (0.0039)::double precision, (0.0043)::double precision, (0.0047)::double precision, (0.0050)::double precision, (0.0056)::double precision, (0.0062)::double precision, (0.0068)::double precision, (0.0075)::double precision, (0.0082)::double precision, (0.0091)::double precision, (0.010)::double precision, (0.011)::double precision, (0.012)::double precision, (0.013)::double precision, (0.015)::double precision, (0.016)::double precision, (0.018)::double precision, (0.020)::double precision, (0.022)::double precision, (0.024)::double precision, (0.027)::double precision, (0.030)::double precision, (0.033)::double precision, (0.036)::double precision, (0.039)::double precision, (0.043)::double precision, (0.047)::double precision, (0.050)::double precision, (0.056)::double precision, (0.062)::double precision, (0.068)::double precision, (0.075)::double precision, (0.082)::double precision, (0.091)::double precision, (0.10)::double precision, (0.11)::double precision, (0.12)::double precision, (0.13)::double precision, (0.15)::double precision, (0.16)::double precision, (0.18)::double precision, (0.20)::double precision, (0.22)::double precision, (0.24)::double precision, (0.27)::double precision, (0.30)::double precision, (0.33)::double precision, (0.36)::double precision, (0.39)::double precision, (0.43)::double precision, (0.47)::double precision, (0.50)::double precision, (0.56)::double precision, (0.62)::double precision, (0.68)::double precision, (0.75)::double precision, (0.82)::double precision, (0.91)::double precision, (1.0)::double precision, (1.1)::double precision, (1.2)::double precision, (1.3)::double precision, (1.5)::double precision, (1.6)::double precision, (1.8)::double precision, (2.0)::double precision, (2.2)::double precision, (2.4)::double precision, (2.7)::double precision, (3.0)::double precision, (3.3)::double precision, (3.6)::double precision, (3.9)::double precision, (4.3)::double precision, (4.7)::double precision, (5.0)::double precision, (5.6)::double precision, (6.2)::double precision, (6.8)::double precision, (7.5)::double precision, (8.2)::double precision, (9.1)::double precision, ('10'::numeric)::double precision, ('11'::numeric)::double precision, ('12'::numeric)::double precision, ('13'::numeric)::double precision, ('15'::numeric)::double precision, ('16'::numeric)::double precision, ('18'::numeric)::double precision, ('20'::numeric)::double precision, ('22'::numeric)::double precision, ('24'::numeric)::double precision, ('27'::numeric)::double precision, ('30'::numeric)::double precision, ('33'::numeric)::double precision, ('36'::numeric)::double precision, ('39'::numeric)::double precision, ('43'::numeric)::double precision, ('47'::numeric)::double precision, ('50'::numeric)::double precision, ('56'::numeric)::double precision, ('62'::numeric)::double precision, ('68'::numeric)::double precision, ('75'::numeric)::double precision, ('82'::numeric)::double precision, ('91'::numeric)::double precision, ('100'::numeric)::double precision, ('110'::numeric)::double precision, ('120'::numeric)::double precision, ('130'::numeric)::double precision, ('150'::numeric)::double precision, ('160'::numeric)::double precision, ('180'::numeric)::double precision, ('200'::numeric)::double precision, ('220'::numeric)::double precision, ('240'::numeric)::double precision, ('270'::numeric)::double precision, ('300'::numeric)::double precision, ('330'::numeric)::double precision, ('360'::numeric)::double precision, ('390'::numeric)::double precision, ('430'::numeric)::double precision, ('470'::numeric)::double precision, ('500'::numeric)::double precision, ('560'::numeric)::double precision, ('620'::numeric)::double precision, ('680'::numeric)::double precision, ('750'::numeric)::double precision, ('820'::numeric)::double precision, ('910'::numeric)::double precision, ('1000'::numeric)::double precision, ('1100'::numeric)::double precision, ('1200'::numeric)::double precision, ('1300'::numeric)::double precision, ('1500'::numeric)::double precision, ('1600'::numeric)::double precision, ('1800'::numeric)::double precision, ('2000'::numeric)::double precision, ('2200'::numeric)::double precision, ('2400'::numeric)::double precision, ('2700'::numeric)::double precision, ('3000'::numeric)::double precision, ('3300'::numeric)::double precision, ('3600'::numeric)::double precision, ('3900'::numeric)::double precision, ('4300'::numeric)::double precision, ('4700'::numeric)::double precision, ('5000'::numeric)::double precision, ('5600'::numeric)::double precision, ('6200'::numeric)::double precision, ('6800'::numeric)::double precision, ('7500'::numeric)::double precision, ('8200'::numeric)::double precision, ('9100'::numeric)::double precision, ('10000'::numeric)::double precision, ('11000'::numeric)::double precision, ('12000'::numeric)::double precision, ('13000'::numeric)::double precision, ('15000'::numeric)::double precision, ('16000'::numeric)::double precision, ('18000'::numeric)::double precision, ('20000'::numeric)::double precision, ('22000'::numeric)::double precision, ('24000'::numeric)::double precision, ('27000'::numeric)::double precision, ('30000'::numeric)::double precision, ('33000'::numeric)::double precision, ('36000'::numeric)::double precision, ('39000'::numeric)::double precision, ('43000'::numeric)::double precision, ('47000'::numeric)::double precision, ('50000'::numeric)::double precision, ('56000'::numeric)::double precision, ('62000'::numeric)::double precision, ('68000'::numeric)::double precision, ('75000'::numeric)::double precision, ('82000'::numeric)::double precision, ('91000'::numeric)::double precision, (100000)::double precision]))];

COMMENT ON FUNCTION sooner.at_most(seconds double precision) IS 'The upper bound of the bucket in which a number of seconds is counted.';

CREATE FUNCTION sooner.count_lost_lease() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  insert into sooner.counter as counted (name, value) values ('leases_lost', 1)
  on conflict (name) do update set value = counted.value + 1;
  return null;
end $$;

CREATE FUNCTION sooner.enqueue(id uuid, of_queue text, of_lane text, of_actor text, of_message jsonb, of_tenant text, of_priority smallint, of_request text, of_trace text, of_parent uuid, starts timestamp with time zone, of_cancel_after double precision, of_retention double precision, of_key text, of_limit text, of_unique text, of_sealed jsonb, word text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_sort TO 'off'
    SET jit TO 'off'
    AS $$
declare
  now constant timestamptz := dramatiq.clock();
  due constant timestamptz := case when starts > now then starts end;
  round bigint;
  holder record;
  -- Whether no job can have the id: it is made for this call alone. A second call after a lost answer does not say so.
  is_new constant boolean := word is null or word = 'new stray';
begin
  if of_tenant is not null then
    perform from sooner.frozen_tenant as frozen where frozen.tenant = of_tenant and frozen.until > now;
    if found then
      -- The first try of a call whose answer was lost may have added it before.
      perform from dramatiq.queue where message_id = id;
      if found then
        return id;
      end if;
      perform sooner.refuse_frozen(of_tenant, of_parent, ': submit it there');
    end if;
  end if;
  if due is null then
    -- Behind the tenant's own; else in the round under way; the time where nobody waits.
    select turn + 1 into round from dramatiq.queue
    where state = 'queued' and due_at is null and lane = of_lane and priority = of_priority
      and coalesce(tenant, '') = coalesce(of_tenant, '') and turn is not null
    order by turn desc limit 1;
    if round is null then
      select turn into round from dramatiq.queue
      where state = 'queued' and due_at is null and lane = of_lane and priority = of_priority and turn is not null
      order by turn limit 1;
    end if;
    round := coalesce(round, (extract(epoch from clock_timestamp()) * 1000000)::bigint);
  end if;
  for attempt in 1..3 loop
    if is_new and of_key is null and of_unique is null then
      insert into dramatiq.queue
        (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent, parent, run_at, due_at,
         cancel_at, expires_at, idempotency_key, limit_key, unique_key, sealed, turn)
      values
        (id, of_queue, of_lane, of_actor, of_message, of_tenant, of_priority, of_request, of_trace, of_parent, due, due,
         now + of_cancel_after * interval '1 second', coalesce(due, now) + of_retention * interval '1 second',
         of_key, of_limit, of_unique, of_sealed, round);
    else
      insert into dramatiq.queue
        (message_id, queue_name, lane, actor, message, tenant, priority, request_id, traceparent, parent, run_at, due_at,
         cancel_at, expires_at, idempotency_key, limit_key, unique_key, sealed, turn)
      values
        (id, of_queue, of_lane, of_actor, of_message, of_tenant, of_priority, of_request, of_trace, of_parent, due, due,
         now + of_cancel_after * interval '1 second', coalesce(due, now) + of_retention * interval '1 second',
         of_key, of_limit, of_unique, of_sealed, round)
      on conflict do nothing;
    end if;
    if found then
      -- A transaction that has notified cannot be prepared for a two-phase commit.
      if coalesce(current_setting('sooner.notify', true), '') <> 'off' then
        if due is null then
          perform pg_notify('dramatiq.' || of_lane || '.enqueue', case when word = 'new stray' then 'stray' else word end);
        else
          perform pg_notify('sooner.postponed', '');
        end if;
      end if;
      return id;
    end if;
    -- Tried again after a lost answer.
    perform from dramatiq.queue where message_id = id;
    if found then
      return id;
    end if;
    select message_id into holder from dramatiq.queue
    where unique_key = of_unique and state in ('queued', 'consumed');
    if found then
      return holder.message_id;
    end if;
    select message_id, message->'kwargs' as params, created_at <= now - interval '24 hours'
        or (finished_at is not null and expires_at <= now) as is_over
      into holder
    from (
      select * from dramatiq.queue where tenant = of_tenant and actor = of_actor and idempotency_key = of_key
      union all
      select * from dramatiq.queue
      where of_tenant is null and tenant is null and actor = of_actor and idempotency_key = of_key
    ) as job;
    if holder.is_over then
      update dramatiq.queue set idempotency_key = null where message_id = holder.message_id;
    elsif holder.params = of_message->'kwargs' then
      return holder.message_id;
    elsif holder.message_id is not null then
      raise exception 'the idempotency key % was used in the last 24 hours with other parameters', quote_literal(of_key)
        using errcode = 'unique_violation', hint = 'Give each request a key of its own.';
    end if;
  end loop;
  raise exception 'a key of the job changes hands too fast' using errcode = 'serialization_failure';
end $$;

COMMENT ON FUNCTION sooner.enqueue(id uuid, of_queue text, of_lane text, of_actor text, of_message jsonb, of_tenant text, of_priority smallint, of_request text, of_trace text, of_parent uuid, starts timestamp with time zone, of_cancel_after double precision, of_retention double precision, of_key text, of_limit text, of_unique text, of_sealed jsonb, word text) IS 'Adds one job, in the transaction of whoever calls it: the id of the job that is there then, which has its key where it has one.';

CREATE FUNCTION sooner.mail_end() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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
  perform pg_notify('dramatiq.mail.enqueue', 'back');
  return null;
end $$;

COMMENT ON FUNCTION sooner.mail_end() IS 'Adds the jobs that send the mails asked for at a job''s end, within the statement that ends it.';

CREATE FUNCTION sooner.new_id() RETURNS uuid
    LANGUAGE sql
    RETURN (encode(set_bit(set_bit(OVERLAY(uuid_send(gen_random_uuid()) PLACING SUBSTRING(int8send(((EXTRACT(epoch FROM clock_timestamp()) * (1000)::numeric))::bigint) FROM 3) FROM 1 FOR 6), (52)::bigint, 1), (53)::bigint, 1), 'hex'::text))::uuid;

COMMENT ON FUNCTION sooner.new_id() IS 'A UUIDv7 (RFC 9562, section 5.7).';

CREATE FUNCTION sooner.note_actors() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- Workers that take the rows in the same order cannot deadlock.
  insert into sooner.actor as known (name, queue, declared)
  select key, value, new.declared->key from jsonb_each_text(new.actors) order by key
  on conflict (name) do update set queue = excluded.queue, declared = excluded.declared
  where (known.queue, known.declared) is distinct from (excluded.queue, excluded.declared);
  return null;
end $$;

COMMENT ON FUNCTION sooner.note_actors() IS 'Keeps what a worker that begins declares.';

CREATE FUNCTION sooner.refuse_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform sooner.refuse_frozen(coalesce(new.tenant, old.tenant), null, '');
  return null;
end $$;

COMMENT ON FUNCTION sooner.refuse_change() IS 'Refuses a change of what is kept for a tenant that is moved to another database.';

CREATE FUNCTION sooner.refuse_frozen(of_tenant text, of_parent uuid, instead text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  of_reason text;
begin
  select frozen.reason into of_reason from sooner.frozen_tenant as frozen
  where frozen.tenant = of_tenant and frozen.until > dramatiq.clock();
  if of_reason is null or coalesce(current_setting('sooner.moving', true), '') = 'on' then
    return;
  elsif of_reason = 'gone' then
    raise exception 'the tenant % lives in another database now%', of_tenant, instead using errcode = 'object_in_use';
  elsif of_reason = 'leaving' then
    -- What a running job submits is brought after it.
    perform from dramatiq.queue where message_id = of_parent and state = 'consumed';
    if found or coalesce(current_setting('sooner.of_job', true), '') = 'on' then
      return;
    end if;
  end if;
  raise exception 'the tenant % is being moved to another database: try again in a moment', of_tenant
    using errcode = 'object_in_use';
end $$;

COMMENT ON FUNCTION sooner.refuse_frozen(of_tenant text, of_parent uuid, instead text) IS 'Refuses to write for a tenant that is moved to another database.';

CREATE FUNCTION sooner.refuse_token() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform sooner.refuse_frozen((select tenant from sooner.api_key where id = new.key), null, '');
  return null;
end $$;

COMMENT ON FUNCTION sooner.refuse_token() IS 'Refuses a token of a tenant that is moved to another database.';

CREATE FUNCTION sooner.remove_said() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
begin
  if exists (select from sooner.output limit 1) then
    delete from sooner.output where job = any(array(select message_id from gone));
  end if;
  if exists (select from sooner.log_line limit 1) then
    delete from sooner.log_line where job = any(array(select message_id from gone));
  end if;
  return null;
end $$;

COMMENT ON FUNCTION sooner.remove_said() IS 'What jobs said, output and log, goes with them.';

CREATE FUNCTION sooner.submit(actor text, params jsonb DEFAULT '{}'::jsonb, tenant text DEFAULT NULL::text, priority text DEFAULT NULL::text, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, delay double precision DEFAULT NULL::double precision, cancel_after double precision DEFAULT NULL::double precision, idempotency_key text DEFAULT NULL::text, request_id text DEFAULT NULL::text, traceparent text DEFAULT NULL::text, parent uuid DEFAULT NULL::uuid, id uuid DEFAULT NULL::uuid) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  named constant uuid := coalesce(submit.id, sooner.new_id());
  urgency smallint := array_position(array['high', 'normal', 'low'], submit.priority) - 1;
  queue text;
  is_claimed boolean;
  declared jsonb;
begin
  if coalesce(submit.actor, '') = '' then
    raise exception 'a job needs an actor' using errcode = 'invalid_parameter_value';
  elsif submit.params is null then
    raise exception 'params are null' using errcode = 'null_value_not_allowed', hint = 'Give a JSON object, {} at the least.';
  elsif urgency is null and submit.priority is not null then
    raise exception 'priority is high, normal or low, not %', quote_literal(submit.priority)
      using errcode = 'invalid_parameter_value';
  elsif submit.delay < 0 or submit.cancel_after < 0 then
    raise exception 'delay and cancel_after are seconds from now, not before it' using errcode = 'invalid_parameter_value';
  elsif submit.run_at > dramatiq.clock() + interval '100 years' or submit.delay > 3153600000 or submit.cancel_after > 3153600000 then
    raise exception 'run_at, delay and cancel_after lie at most a hundred years ahead' using errcode = 'invalid_parameter_value';
  elsif submit.idempotency_key !~ '^[!-~]{1,255}$' then
    raise exception 'an idempotency key has 1 to 255 visible ASCII characters' using errcode = 'invalid_parameter_value';
  end if;
  select known.queue, known.declared, (
      select coalesce(worker.claims->known.queue ? known.name, true)
      from sooner.worker where worker.actors ? known.name order by worker.started_at desc limit 1
    )
    into queue, declared, is_claimed
  from sooner.actor as known where known.name = submit.actor;
  if declared->'secrets' <> '[]' and jsonb_typeof(submit.params) = 'object' then
    if submit.params ?| array(select jsonb_array_elements_text(declared->'secrets')) then
      raise exception 'the actor % takes secret parameters, which would lie here in clear', submit.actor
        using errcode = 'feature_not_supported', hint = 'Submit it over HTTP, or with submit() in the deployment''s own code: these seal them.';
    end if;
  end if;
  return sooner.enqueue(
    named, coalesce(queue, 'default'), coalesce(queue, 'default'), submit.actor,
    jsonb_build_object('queue_name', coalesce(queue, 'default'), 'actor_name', submit.actor, 'args', '[]'::jsonb,
      'kwargs', submit.params, 'options', '{}'::jsonb, 'message_id', named,
      'message_timestamp', (extract(epoch from clock_timestamp()) * 1000)::bigint, 'unchecked', true),
    nullif(submit.tenant, ''), coalesce(urgency, (declared->>'priority')::smallint, 1::smallint), submit.request_id,
    submit.traceparent, submit.parent, coalesce(submit.run_at, dramatiq.clock() + submit.delay * interval '1 second'),
    submit.cancel_after, null, submit.idempotency_key, null, null, null,
    -- Where no worker claims it is a stray, which is brought to where it counts.
    case
      when is_claimed then case when submit.id is not null then '' end
      when submit.id is null then 'new stray'
      else 'stray' end);
end $_$;

COMMENT ON FUNCTION sooner.submit(actor text, params jsonb, tenant text, priority text, run_at timestamp with time zone, delay double precision, cancel_after double precision, idempotency_key text, request_id text, traceparent text, parent uuid, id uuid) IS 'Submits a job of an actor, in the transaction of whoever calls it: there if that commits, and only then. Its id.
A transaction that is to be prepared for a two-phase commit says before: set local sooner.notify = off.';

CREATE FUNCTION sooner.tell_failure(of_job uuid, callback text, told jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  id constant uuid := sooner.new_id();
  queue text;
begin
  select actors->>callback into queue from sooner.worker where actors ? callback order by started_at desc limit 1;
  insert into dramatiq.queue (message_id, queue_name, message, request_id, traceparent, parent)
  select id, coalesce(queue, job.queue_name),
    jsonb_build_object(
      'queue_name', coalesce(queue, job.queue_name), 'actor_name', callback, 'args', jsonb_build_array(job.message, told),
      'kwargs', '{}'::jsonb, 'options', '{}'::jsonb, 'message_id', id,
      'message_timestamp', (extract(epoch from clock_timestamp()) * 1000)::bigint, 'unchecked', true
    ),
    job.request_id, job.traceparent, job.parent
  from dramatiq.queue as job where job.message_id = of_job;
  perform pg_notify('dramatiq.' || coalesce(queue, 'default') || '.enqueue', 'back');
end $$;

COMMENT ON FUNCTION sooner.tell_failure(of_job uuid, callback text, told jsonb) IS 'Adds the job that a failed one named as on_failure, within the statement that ends it.';

CREATE FUNCTION sooner.tell_webhooks(of_job uuid, of_tenant text, of_state dramatiq.state) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
  of_event constant text := case of_state
    when 'done' then 'job.done' when 'rejected' then 'job.error' when 'cancelled' then 'job.cancelled' end;
  told bigint;
begin
  with hook as (
    select sooner.new_id() as delivery, id from sooner.webhook
    where tenant = of_tenant and disabled_at is null and of_event = any(events)
  )
  insert into dramatiq.queue (message_id, queue_name, lane, actor, message, turn, request_id, traceparent)
  select delivery, 'webhooks', 'webhooks', 'deliver_webhook',
    jsonb_build_object(
      'queue_name', 'webhooks', 'actor_name', 'deliver_webhook', 'args', '[]'::jsonb, 'options', '{}'::jsonb,
      'message_id', delivery, 'message_timestamp', (extract(epoch from clock_timestamp()) * 1000)::bigint,
      'kwargs', jsonb_build_object('webhook', id, 'job', of_job, 'event', of_event, 'ended_at', dramatiq.clock())
    ),
    dramatiq.next_turn('webhooks', 1::smallint, null), ended.request_id, ended.traceparent
  from hook cross join (select request_id, traceparent from dramatiq.queue where message_id = of_job) as ended;
  get diagnostics told = row_count;
  if told > 0 then
    perform pg_notify('dramatiq.webhooks.enqueue', 'back');
  end if;
  return told;
end $$;

COMMENT ON FUNCTION sooner.tell_webhooks(of_job uuid, of_tenant text, of_state dramatiq.state) IS 'Adds the jobs that deliver the end of a job, within the statement that ends it; called only where its tenant has webhooks.';

CREATE FUNCTION sooner_directory.tell() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_notify('sooner.directory', coalesce(new.locator, old.locator));
  return null;
end $$;

COMMENT ON FUNCTION sooner_directory.tell() IS 'Tells web processes whose place has changed.';

CREATE TABLE sooner.actor (
    name text NOT NULL,
    queue text NOT NULL,
    declared jsonb
);

COMMENT ON TABLE sooner.actor IS 'The actors that a worker has known, as the last worker to begin knew them: rows stay while no worker runs.';

COMMENT ON COLUMN sooner.actor.declared IS 'As its member of `worker.declared`; null: written by older code.';

CREATE TABLE sooner.actor_history (
    actor text NOT NULL,
    durations real[] NOT NULL,
    noted_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE sooner.actor_history IS 'One row an actor: the seconds that its last runs took, newest first, from all workers.';

CREATE TABLE sooner.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE sooner.api_key (
    id uuid NOT NULL,
    tenant text NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT scopes_are_known CHECK (((scopes <@ ARRAY['jobs'::text, 'admin'::text]) AND (cardinality(scopes) > 0)))
);

COMMENT ON TABLE sooner.api_key IS 'API keys: the SHA-256 of each, never the key.';

CREATE TABLE sooner.attempt_history (
    actor text NOT NULL,
    at timestamp with time zone NOT NULL,
    measure text NOT NULL,
    at_most double precision NOT NULL,
    attempts bigint NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE sooner.attempt_history IS 'The same for each five minutes of the last days.';

CREATE TABLE sooner.attempt_tally (
    actor text NOT NULL,
    outcome text NOT NULL,
    began_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    waited double precision,
    took double precision NOT NULL,
    attempts bigint NOT NULL,
    seconds_waited double precision,
    seconds_taken double precision NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='2000');

COMMENT ON TABLE sooner.attempt_tally IS 'Attempts that have ended, a row for each kind of them in a statement; workers add them up in the two tables below and remove them.';

COMMENT ON COLUMN sooner.attempt_tally.began_at IS 'As `ended_at`: the beginning of these five minutes.';

COMMENT ON COLUMN sooner.attempt_tally.waited IS 'At most so many seconds from when the job was due to its first attempt; null for other attempts.';

COMMENT ON COLUMN sooner.attempt_tally.took IS 'At most so many seconds from its claim to its ending.';

CREATE TABLE sooner.attempt_total (
    actor text NOT NULL,
    measure text NOT NULL,
    at_most double precision NOT NULL,
    attempts bigint NOT NULL,
    seconds double precision NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE sooner.attempt_total IS 'Attempts since the beginning by actor: those begun, those of each outcome, and those that took or waited at most so many seconds.';

COMMENT ON COLUMN sooner.attempt_total.at_most IS '0 where the measure is no duration.';

CREATE TABLE sooner.blob (
    id uuid NOT NULL,
    store text NOT NULL,
    key text NOT NULL,
    whole boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL
);

COMMENT ON TABLE sooner.blob IS 'Objects with the bytes of uploads and files. A row comes before its object and goes after it; without an owner, the cleaning removes both.';

COMMENT ON COLUMN sooner.blob.id IS 'The upload''s or the file''s. No foreign key: the row outlives them, so that the object is found and removed.';

COMMENT ON COLUMN sooner.blob.store IS 'BLOB_URL, as it was when the object was written.';

CREATE TABLE sooner.chunk (
    upload uuid NOT NULL,
    "position" integer NOT NULL,
    data bytea NOT NULL
);
ALTER TABLE ONLY sooner.chunk ALTER COLUMN data SET STORAGE EXTERNAL;

COMMENT ON TABLE sooner.chunk IS 'An upload in pieces, so that neither web nor worker ever holds it whole.';

CREATE TABLE sooner.counter (
    name text NOT NULL,
    value bigint NOT NULL
);

COMMENT ON TABLE sooner.counter IS 'What has happened since the beginning, for metrics.';

CREATE TABLE sooner.file (
    id uuid NOT NULL,
    job uuid NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    bytes bigint,
    sha256 text,
    created_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    CONSTRAINT whole_has_digest CHECK (((bytes IS NULL) = (sha256 IS NULL)))
);

COMMENT ON TABLE sooner.file IS 'Files that a job made; they go when it goes.';

COMMENT ON COLUMN sooner.file.job IS 'No foreign key: it would cost every update of the queue, and the cleaning looks for files without a job anyway.';

CREATE TABLE sooner.file_chunk (
    file uuid NOT NULL,
    "position" integer NOT NULL,
    data bytea NOT NULL
);
ALTER TABLE ONLY sooner.file_chunk ALTER COLUMN data SET STORAGE EXTERNAL;

COMMENT ON TABLE sooner.file_chunk IS 'A file in pieces of one size, so that any range of it is found by its position.';

CREATE TABLE sooner.frozen_tenant (
    tenant text NOT NULL,
    reason text NOT NULL,
    until timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    since timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    CONSTRAINT reason_is_known CHECK ((reason = ANY (ARRAY['leaving'::text, 'arriving'::text, 'gone'::text])))
);

COMMENT ON TABLE sooner.frozen_tenant IS 'Tenants whose jobs nobody claims here and for whom nobody writes here, since they move or have moved.';

COMMENT ON COLUMN sooner.frozen_tenant.until IS 'Until then it holds: where a move dies before its end, its tenant works on here.';

CREATE TABLE sooner.lease (
    name text NOT NULL,
    holder uuid,
    holder_name text,
    fence bigint DEFAULT 0 NOT NULL,
    taken_at timestamp with time zone,
    beat_at timestamp with time zone,
    expires_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT held_by_someone CHECK (((holder IS NULL) = (holder_name IS NULL)))
);

COMMENT ON TABLE sooner.lease IS 'Who may do what only one process at a time may do: the scheduler.';

COMMENT ON COLUMN sooner.lease.fence IS 'Grows whenever the lease is taken: whoever writes with an older one holds it no more.';

CREATE TABLE sooner."limit" (
    key text NOT NULL,
    most integer,
    running integer DEFAULT 0 NOT NULL,
    interval_seconds double precision,
    burst integer,
    next_at timestamp with time zone,
    CONSTRAINT counts_are_natural CHECK (((running >= 0) AND (most > 0) AND (burst > 0) AND (interval_seconds > (0)::double precision))),
    CONSTRAINT limits_something CHECK (((most IS NOT NULL) OR ((interval_seconds IS NOT NULL) AND (burst IS NOT NULL))))
);

COMMENT ON TABLE sooner."limit" IS 'How much of a key runs now and may run, and how often: its row is locked by whoever claims under it.';

COMMENT ON COLUMN sooner."limit".next_at IS 'The theoretical arrival time of the generic cell rate algorithm (ITU-T I.371).';

CREATE TABLE sooner.log_line (
    job uuid NOT NULL,
    number bigint NOT NULL,
    attempt bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    level text NOT NULL,
    logger text NOT NULL,
    message text NOT NULL,
    fields jsonb
);

COMMENT ON TABLE sooner.log_line IS 'What the code of jobs logged and printed, for operators alone. No foreign key: it would lock the job''s row for each line.';

COMMENT ON COLUMN sooner.log_line.number IS 'It rises with each line of the job: the fence of its attempt, and its place in it.';

COMMENT ON COLUMN sooner.log_line.fields IS 'What was said beside the message, an exception with its traceback included.';

CREATE TABLE sooner.output (
    job uuid NOT NULL,
    number bigint NOT NULL,
    fence bigint NOT NULL,
    piece text
);

COMMENT ON TABLE sooner.output IS 'What jobs have put out: the pieces of the latest attempt that put out any.';

COMMENT ON COLUMN sooner.output.number IS 'The place of the piece in the job''s output; it goes on from attempt to attempt.';

COMMENT ON COLUMN sooner.output.fence IS 'The fence of the attempt that put it out.';

COMMENT ON COLUMN sooner.output.piece IS 'A JSON text, which is compared with nothing and so not parsed; null is the mark that further pieces were dropped.';

CREATE TABLE sooner.queue (
    name text NOT NULL,
    paused boolean DEFAULT false NOT NULL
);

COMMENT ON TABLE sooner.queue IS 'What operators said of a queue.';

CREATE TABLE sooner.sample (
    at timestamp with time zone NOT NULL,
    queue text NOT NULL,
    waiting bigint NOT NULL,
    processing bigint NOT NULL,
    finished bigint NOT NULL,
    oldest double precision
);

COMMENT ON TABLE sooner.sample IS 'What went on in the queues, for the operators'' charts; kept for hours.';

COMMENT ON COLUMN sooner.sample.finished IS 'In the minute before.';

COMMENT ON COLUMN sooner.sample.oldest IS 'Seconds that the oldest due job had waited; null where none was due.';

CREATE TABLE sooner.schedule (
    name text NOT NULL,
    actor text NOT NULL,
    cron text NOT NULL,
    timezone text NOT NULL,
    since timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    removed_at timestamp with time zone
);

COMMENT ON COLUMN sooner.schedule.since IS 'Ticks up to here are past: when it was first seen like this, later the newest tick that was cleaned away.';

COMMENT ON COLUMN sooner.schedule.removed_at IS 'When a leader first did not have it any more: the row stays, so that put back it goes on where it was.';

CREATE TABLE sooner.shard (
    name text NOT NULL,
    is_one boolean DEFAULT true NOT NULL,
    CONSTRAINT is_one_row CHECK (is_one)
);

COMMENT ON TABLE sooner.shard IS 'The name of this database among several; no row where it is alone.';

CREATE TABLE sooner.tick (
    schedule text NOT NULL,
    tick timestamp with time zone NOT NULL,
    fence bigint NOT NULL,
    job uuid,
    fired_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL
);

COMMENT ON TABLE sooner.tick IS 'What has been fired: no tick can be fired twice.';

COMMENT ON COLUMN sooner.tick.job IS 'Null: passed over, as its schedule says of missed ticks.';

CREATE TABLE sooner.token (
    id uuid NOT NULL,
    key uuid NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE sooner.token IS 'Tokens: the SHA-256 of each. One is good while its time lasts and its key is good.';

CREATE TABLE sooner.unknown_actor (
    name text NOT NULL,
    seconds double precision DEFAULT 0 NOT NULL,
    seen_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    given_up_at timestamp with time zone
);

COMMENT ON TABLE sooner.unknown_actor IS 'Actors that jobs name and no living worker knows.';

COMMENT ON COLUMN sooner.unknown_actor.seconds IS 'How long jobs have waited for it while workers lived that did not know it.';

COMMENT ON COLUMN sooner.unknown_actor.given_up_at IS 'When its jobs were last ended: a schedule adds no more until a worker knows it.';

CREATE TABLE sooner.upload (
    id uuid NOT NULL,
    tenant text NOT NULL,
    bytes bigint,
    sha256 text,
    created_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT whole_has_digest CHECK (((bytes IS NULL) = (sha256 IS NULL)))
);

COMMENT ON COLUMN sooner.upload.bytes IS 'Null while the upload is under way: a reader sees whole uploads only.';

CREATE TABLE sooner.webhook (
    id uuid NOT NULL,
    tenant text NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    secret text NOT NULL,
    created_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT events_are_known CHECK (((events <@ ARRAY['job.done'::text, 'job.error'::text, 'job.cancelled'::text]) AND (cardinality(events) > 0)))
);

COMMENT ON COLUMN sooner.webhook.secret IS 'Signs what is sent (Standard Webhooks): it has to be known in clear.';

COMMENT ON COLUMN sooner.webhook.disabled_at IS 'When the endpoint said that it is gone (410).';

CREATE TABLE sooner.worker (
    id uuid NOT NULL,
    name text NOT NULL,
    queues text[] NOT NULL,
    started_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    tasks integer,
    threads integer,
    actors jsonb,
    claims jsonb,
    declared jsonb
);

COMMENT ON TABLE sooner.worker IS 'One row a worker process: the lease under which it holds its jobs.';

COMMENT ON COLUMN sooner.worker.tasks IS 'How many async actors it runs at once; null: written by older code.';

COMMENT ON COLUMN sooner.worker.threads IS 'How many synchronous actors it runs at once.';

COMMENT ON COLUMN sooner.worker.actors IS 'The actors that its code has, each with its queue; null: written by older code.';

COMMENT ON COLUMN sooner.worker.claims IS 'The lanes that it claims from, each with the actors whose jobs it takes there; null: written by older code.';

COMMENT ON COLUMN sooner.worker.declared IS 'What its actors declare beyond what most do: {actor: {"priority": 0, "secrets": [names of parameters]}}; null: written by older code.';

CREATE TABLE sooner_directory.key (
    digest bytea NOT NULL,
    locator text NOT NULL
);

COMMENT ON TABLE sooner_directory.key IS 'The API keys that carry no locator, since they are older.';

CREATE TABLE sooner_directory.move (
    id uuid NOT NULL,
    locator text NOT NULL,
    source text NOT NULL,
    target text NOT NULL,
    step text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    began_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    stepped_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    ended_at timestamp with time zone
);

COMMENT ON COLUMN sooner_directory.move.step IS 'The last step that it took: whoever goes on with it begins there.';

CREATE TABLE sooner_directory.shard (
    name text NOT NULL,
    weight double precision DEFAULT 1 NOT NULL,
    is_draining boolean DEFAULT false NOT NULL,
    added_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL,
    CONSTRAINT weight_is_natural CHECK ((weight >= (0)::double precision))
);

COMMENT ON COLUMN sooner_directory.shard.weight IS 'How many tenants it takes, compared with the other shards.';

COMMENT ON COLUMN sooner_directory.shard.is_draining IS 'It gets no new tenants.';

CREATE TABLE sooner_directory.tenant (
    locator text NOT NULL,
    tenant text NOT NULL,
    shard text NOT NULL,
    previous text,
    is_frozen boolean DEFAULT false NOT NULL,
    placed_at timestamp with time zone DEFAULT dramatiq.clock() NOT NULL
);

COMMENT ON COLUMN sooner_directory.tenant.locator IS 'What keys, tokens and signed addresses carry of the tenant.';

COMMENT ON COLUMN sooner_directory.tenant.previous IS 'The shard where some of its jobs still lie after a move.';

COMMENT ON COLUMN sooner_directory.tenant.is_frozen IS 'It is being moved: who writes for it waits a moment.';

ALTER TABLE ONLY dramatiq.queue
    ADD CONSTRAINT queue_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY sooner.actor_history
    ADD CONSTRAINT actor_history_pkey PRIMARY KEY (actor);

ALTER TABLE ONLY sooner.actor
    ADD CONSTRAINT actor_pkey PRIMARY KEY (name);

ALTER TABLE ONLY sooner.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY sooner.api_key
    ADD CONSTRAINT api_key_digest_key UNIQUE (digest);

ALTER TABLE ONLY sooner.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sooner.attempt_history
    ADD CONSTRAINT attempt_history_pkey PRIMARY KEY (actor, at, measure, at_most);

ALTER TABLE ONLY sooner.attempt_total
    ADD CONSTRAINT attempt_total_pkey PRIMARY KEY (actor, measure, at_most);

ALTER TABLE ONLY sooner.blob
    ADD CONSTRAINT blob_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sooner.chunk
    ADD CONSTRAINT chunk_pkey PRIMARY KEY (upload, "position");

ALTER TABLE ONLY sooner.counter
    ADD CONSTRAINT counter_pkey PRIMARY KEY (name);

ALTER TABLE ONLY sooner.file_chunk
    ADD CONSTRAINT file_chunk_pkey PRIMARY KEY (file, "position");

ALTER TABLE ONLY sooner.file
    ADD CONSTRAINT file_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sooner.frozen_tenant
    ADD CONSTRAINT frozen_tenant_pkey PRIMARY KEY (tenant);

ALTER TABLE ONLY sooner.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (name);

ALTER TABLE ONLY sooner."limit"
    ADD CONSTRAINT limit_pkey PRIMARY KEY (key);

ALTER TABLE ONLY sooner.log_line
    ADD CONSTRAINT log_line_pkey PRIMARY KEY (job, number);

ALTER TABLE ONLY sooner.output
    ADD CONSTRAINT output_pkey PRIMARY KEY (job, number);

ALTER TABLE ONLY sooner.queue
    ADD CONSTRAINT queue_pkey PRIMARY KEY (name);

ALTER TABLE ONLY sooner.sample
    ADD CONSTRAINT sample_pkey PRIMARY KEY (at, queue);

ALTER TABLE ONLY sooner.schedule
    ADD CONSTRAINT schedule_pkey PRIMARY KEY (name);

ALTER TABLE ONLY sooner.shard
    ADD CONSTRAINT shard_pkey PRIMARY KEY (is_one);

ALTER TABLE ONLY sooner.tick
    ADD CONSTRAINT tick_pkey PRIMARY KEY (schedule, tick);

ALTER TABLE ONLY sooner.token
    ADD CONSTRAINT token_digest_key UNIQUE (digest);

ALTER TABLE ONLY sooner.token
    ADD CONSTRAINT token_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sooner.unknown_actor
    ADD CONSTRAINT unknown_actor_pkey PRIMARY KEY (name);

ALTER TABLE ONLY sooner.upload
    ADD CONSTRAINT upload_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sooner.webhook
    ADD CONSTRAINT webhook_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sooner.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sooner_directory.key
    ADD CONSTRAINT key_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY sooner_directory.move
    ADD CONSTRAINT move_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sooner_directory.shard
    ADD CONSTRAINT shard_pkey PRIMARY KEY (name);

ALTER TABLE ONLY sooner_directory.tenant
    ADD CONSTRAINT tenant_pkey PRIMARY KEY (locator);

ALTER TABLE ONLY sooner_directory.tenant
    ADD CONSTRAINT tenant_tenant_key UNIQUE (tenant);

CREATE INDEX queue_claim ON dramatiq.queue USING btree (lane, priority, turn, message_id) WHERE ((state = 'queued'::dramatiq.state) AND (due_at IS NULL));

CREATE INDEX queue_created ON dramatiq.queue USING btree (created_at DESC, message_id DESC) WHERE (state <> 'consumed'::dramatiq.state);

CREATE INDEX queue_delivery ON dramatiq.queue USING btree ((((message -> 'kwargs'::text) ->> 'webhook'::text)), created_at DESC, message_id DESC) WHERE (actor = ANY (ARRAY['deliver_webhook'::text, 'try_webhook'::text]));

CREATE INDEX queue_expiry ON dramatiq.queue USING btree (expires_at) WHERE (finished_at IS NOT NULL);

CREATE UNIQUE INDEX queue_idempotency ON dramatiq.queue USING btree (tenant, actor, idempotency_key) NULLS NOT DISTINCT WHERE (idempotency_key IS NOT NULL);

CREATE INDEX queue_ill ON dramatiq.queue USING btree (state, created_at DESC, message_id DESC) WHERE (state = ANY (ARRAY['rejected'::dramatiq.state, 'error_resolved'::dramatiq.state, 'cancelled'::dramatiq.state]));

CREATE INDEX queue_ill_tenant ON dramatiq.queue USING btree (tenant, state, created_at DESC, message_id DESC) WHERE (state = ANY (ARRAY['rejected'::dramatiq.state, 'error_resolved'::dramatiq.state, 'cancelled'::dramatiq.state]));

CREATE INDEX queue_limited ON dramatiq.queue USING btree (lane, limit_key, priority, turn, message_id) WHERE ((state = 'queued'::dramatiq.state) AND (due_at IS NULL) AND (limit_key IS NOT NULL));

CREATE INDEX queue_overdue ON dramatiq.queue USING btree (cancel_at) WHERE ((cancel_at IS NOT NULL) AND (state = ANY (ARRAY['queued'::dramatiq.state, 'consumed'::dramatiq.state])));

CREATE INDEX queue_parent ON dramatiq.queue USING btree (parent, created_at DESC, message_id DESC) WHERE (parent IS NOT NULL);

CREATE INDEX queue_postponed ON dramatiq.queue USING btree (due_at) WHERE ((state = 'queued'::dramatiq.state) AND (due_at IS NOT NULL));

CREATE INDEX queue_postponed_tenant ON dramatiq.queue USING btree (tenant) WHERE ((state = 'queued'::dramatiq.state) AND (due_at IS NOT NULL));

CREATE INDEX queue_processing ON dramatiq.queue USING btree (worker) WHERE (state = 'consumed'::dramatiq.state);

CREATE INDEX queue_tenant ON dramatiq.queue USING btree (tenant, created_at DESC, message_id DESC) WHERE (state <> 'consumed'::dramatiq.state);

CREATE INDEX queue_turn ON dramatiq.queue USING btree (lane, priority, COALESCE(tenant, ''::text), turn) WHERE ((state = 'queued'::dramatiq.state) AND (due_at IS NULL));

CREATE UNIQUE INDEX queue_unique ON dramatiq.queue USING btree (unique_key) WHERE ((unique_key IS NOT NULL) AND (state = ANY (ARRAY['queued'::dramatiq.state, 'consumed'::dramatiq.state])));

CREATE INDEX file_job ON sooner.file USING btree (job);

CREATE INDEX frozen_tenant_waiting ON sooner.frozen_tenant USING btree (tenant) WHERE (reason <> 'gone'::text);

CREATE INDEX tick_fired ON sooner.tick USING btree (fired_at);

CREATE INDEX token_expiry ON sooner.token USING btree (expires_at);

CREATE INDEX token_key ON sooner.token USING btree (key);

CREATE INDEX webhook_tenant ON sooner.webhook USING btree (tenant) WHERE (disabled_at IS NULL);

CREATE UNIQUE INDEX move_under_way ON sooner_directory.move USING btree (locator) WHERE (ended_at IS NULL);

CREATE INDEX tenant_shard ON sooner_directory.tenant USING btree (shard);

CREATE TRIGGER queue_adopt BEFORE INSERT ON dramatiq.queue FOR EACH ROW WHEN ((new.actor IS NULL)) EXECUTE FUNCTION dramatiq.adopt();

CREATE TRIGGER queue_count_limited AFTER UPDATE OF state ON dramatiq.queue FOR EACH ROW WHEN (((new.limit_key IS NOT NULL) AND ((old.state = 'consumed'::dramatiq.state) <> (new.state = 'consumed'::dramatiq.state)))) EXECUTE FUNCTION dramatiq.count_limited();

CREATE TRIGGER queue_mail_end AFTER UPDATE OF state ON dramatiq.queue FOR EACH ROW WHEN (((new.notify IS NOT NULL) AND (old.state = ANY (ARRAY['queued'::dramatiq.state, 'consumed'::dramatiq.state])) AND (new.state = ANY (ARRAY['done'::dramatiq.state, 'rejected'::dramatiq.state, 'cancelled'::dramatiq.state])))) EXECUTE FUNCTION sooner.mail_end();

CREATE TRIGGER queue_remove_said AFTER DELETE ON dramatiq.queue REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION sooner.remove_said();

CREATE TRIGGER api_key_refuse_change AFTER INSERT OR UPDATE OF revoked_at ON sooner.api_key FOR EACH ROW EXECUTE FUNCTION sooner.refuse_change();

CREATE TRIGGER token_refuse AFTER INSERT ON sooner.token FOR EACH ROW EXECUTE FUNCTION sooner.refuse_token();

CREATE TRIGGER upload_refuse_change AFTER INSERT OR UPDATE ON sooner.upload FOR EACH ROW WHEN ((new.tenant IS NOT NULL)) EXECUTE FUNCTION sooner.refuse_change();

CREATE TRIGGER webhook_refuse_change AFTER INSERT OR DELETE ON sooner.webhook FOR EACH ROW EXECUTE FUNCTION sooner.refuse_change();

CREATE TRIGGER worker_count_lost_lease AFTER DELETE ON sooner.worker FOR EACH ROW WHEN ((old.expires_at < dramatiq.clock())) EXECUTE FUNCTION sooner.count_lost_lease();

CREATE TRIGGER worker_note_actors AFTER INSERT ON sooner.worker FOR EACH ROW EXECUTE FUNCTION sooner.note_actors();

CREATE TRIGGER tenant_tell AFTER INSERT OR DELETE OR UPDATE ON sooner_directory.tenant FOR EACH ROW EXECUTE FUNCTION sooner_directory.tell();

ALTER TABLE ONLY sooner.chunk
    ADD CONSTRAINT chunk_upload_fkey FOREIGN KEY (upload) REFERENCES sooner.upload(id) ON DELETE CASCADE;

ALTER TABLE ONLY sooner.file_chunk
    ADD CONSTRAINT file_chunk_file_fkey FOREIGN KEY (file) REFERENCES sooner.file(id) ON DELETE CASCADE;

ALTER TABLE ONLY sooner.token
    ADD CONSTRAINT token_key_fkey FOREIGN KEY (key) REFERENCES sooner.api_key(id) ON DELETE CASCADE;

ALTER TABLE ONLY sooner_directory.key
    ADD CONSTRAINT key_locator_fkey FOREIGN KEY (locator) REFERENCES sooner_directory.tenant(locator) ON DELETE CASCADE;

ALTER TABLE ONLY sooner_directory.move
    ADD CONSTRAINT move_locator_fkey FOREIGN KEY (locator) REFERENCES sooner_directory.tenant(locator) ON DELETE CASCADE;

ALTER TABLE ONLY sooner_directory.move
    ADD CONSTRAINT move_source_fkey FOREIGN KEY (source) REFERENCES sooner_directory.shard(name);

ALTER TABLE ONLY sooner_directory.move
    ADD CONSTRAINT move_target_fkey FOREIGN KEY (target) REFERENCES sooner_directory.shard(name);

ALTER TABLE ONLY sooner_directory.tenant
    ADD CONSTRAINT tenant_previous_fkey FOREIGN KEY (previous) REFERENCES sooner_directory.shard(name);

ALTER TABLE ONLY sooner_directory.tenant
    ADD CONSTRAINT tenant_shard_fkey FOREIGN KEY (shard) REFERENCES sooner_directory.shard(name);
