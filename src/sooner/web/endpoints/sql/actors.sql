-- name: zone
-- The time zone of the schedules, as the scheduler last noted it.
select timezone from sooner.schedule where removed_at is null limit 1;
