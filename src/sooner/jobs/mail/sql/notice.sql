-- name: add
-- Adds a notice to a job that has not ended, unless it has one for this address, or :most.
update dramatiq.queue set notify = coalesce(notify, '[]') || :notice::jsonb
where message_id = :id and state in ('queued', 'consumed') and jsonb_array_length(coalesce(notify, '[]')) < :most
  and not coalesce(notify, '[]') @> jsonb_build_array(jsonb_build_object('to', :to::text));
