-- name: written
-- The position of the log up to which everything that this primary said it committed is written, in bytes.
select (pg_current_wal_flush_lsn() - '0/0')::bigint as position

-- name: replayed
-- The position of the log up to which this server has everything, in bytes; a promoted server is a primary.
select (
    case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end - '0/0'
  )::bigint as position,
  pg_is_in_recovery() as follows
