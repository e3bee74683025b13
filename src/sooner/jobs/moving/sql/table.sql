-- name: stage
-- Makes the table of this session in which rows arrive; it is empty after each transaction.
create temp table if not exists {{staging}} on commit delete rows as select {{columns}} from {{table}} with no data;

-- name: add
-- Adds the rows that have arrived, but those that are there.
insert into {{table}} ({{columns}}) select {{columns}} from {{staging}} on conflict do nothing;
