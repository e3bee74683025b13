-- name: sent_at
-- When an earlier attempt of a delivery was accepted.
select sent_at from dramatiq.queue where message_id = :id::uuid;

-- name: mark
-- Notes that a delivery was accepted: no later attempt sends it again.
update dramatiq.queue set sent_at = dramatiq.clock() where message_id = :id::uuid and sent_at is null;
