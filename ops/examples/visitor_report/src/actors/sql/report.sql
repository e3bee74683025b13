-- name: visitors
-- The next visitors in the order of their names.
select name, visits, came_at from visitor
where visits >= :least::integer and name > :after::text
order by name limit :page::integer;
