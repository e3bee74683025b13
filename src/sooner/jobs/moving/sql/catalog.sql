-- name: columns
-- The columns of tables, in their order.
select table_schema::text || '.' || table_name::text as table, quote_ident(column_name::text) as column
from information_schema.columns
where table_schema::text || '.' || table_name::text = any(:tables::text[])
order by ordinal_position;
