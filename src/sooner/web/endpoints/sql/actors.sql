-- name: zone
-- The time zone of the schedules, as the scheduler last noted it.
select timezone from sooner.schedule limit 1;
