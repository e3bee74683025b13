-- name: register
-- Begins a worker's lease, with the actors that it knows and the lanes that it claims from.
insert into sooner.worker (id, name, queues, tasks, threads, actors, claims, declared, expires_at)
values (:worker::uuid, :name, :queues::text[], :tasks, :threads, :actors::jsonb, :claims::jsonb, :declared::jsonb,
  dramatiq.clock() + :seconds * interval '1 second')
-- The answer to the first try may have been lost.
on conflict (id) do update set expires_at = excluded.expires_at
returning id;

-- name: beat
-- Extends the lease; no row where it was taken away.
update sooner.worker set expires_at = dramatiq.clock() + :seconds * interval '1 second'
where id = :worker::uuid
returning id;

-- name: bury
-- Takes away expired leases.
delete from sooner.worker
where id in (select id from sooner.worker where expires_at < dramatiq.clock() for update skip locked)
returning id, name;

-- name: retire
-- Ends a worker's lease in order; other workers recover the jobs that it could not give back at once.
delete from sooner.worker where id = :worker::uuid returning id;
