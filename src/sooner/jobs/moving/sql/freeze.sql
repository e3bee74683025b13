-- name: hold
-- Keeps this mover's freeze while a transaction works under it; no row where it is another mover's by now.
select since from sooner.frozen_tenant where tenant = :tenant and since = :since for share;

-- part: transactions
-- The transactions of programs in this database. A backup, and a mover's own copying, change nothing here. Of other roles'
-- sessions an owner that is no superuser sees neither kind nor state: one that has a user counts as a program's.
from pg_locks as held
join pg_stat_activity as program using (pid)
where held.locktype = 'virtualxid' and held.granted and program.datname = current_database()
  and program.usesysid is not null and coalesce(program.backend_type, 'client backend') = 'client backend'
  and program.pid <> pg_backend_pid()
  and coalesce(program.application_name, '') <> all(array['pg_dump', 'sooner mover'])

-- name: open_transactions
-- The transactions under way.
select held.virtualtransaction as id {{transactions}};

-- name: still_open
-- Those of them that are still under way, and since when, where that may be seen.
select held.virtualtransaction as id, program.pid, program.application_name as program, program.state,
  extract(epoch from clock_timestamp() - program.xact_start)::double precision as seconds
{{transactions}} and held.virtualtransaction = any(:ids::text[]);

-- name: prepared_transactions
-- The transactions that are prepared for a two-phase commit.
select gid as id from pg_prepared_xacts where database = current_database();
