-- name: come
-- Counts a visit.
insert into visitor (name) values (:name::text)
on conflict (name) do update set visits = visitor.visits + 1, came_at = now()
returning visits;

-- name: forget
-- Removes who has not come for a year.
delete from visitor where came_at < now() - interval '1 year' returning name;
