-- name: value
-- The value to which a path leads in a job's result: of a text its beginning, of a list its length, of an object nothing.
select
    (case jsonb_typeof(found)
        when 'string' then to_jsonb(left(found #>> '{}', 200))
        when 'array' then to_jsonb(jsonb_array_length(found))
        when 'object' then null
        else found
    end)::text as value
from (select result #> :path::text[] as found from dramatiq.queue where message_id = :id) as results;
