-- part: delivery
-- One delivery: a job that sends something to a webhook. Between two attempts its latest error is in its history.
message_id, message->'kwargs'->>'event' as event, (message->'kwargs'->>'job')::uuid as job, state::text as state, attempts,
  created_at, due_at, (result->>'status')::integer as status,
  case when state <> 'done' then coalesce(error, nullif(history->-1->'error', 'null'))::text end as error

-- part: deliveries
-- The deliveries to a webhook that have not expired.
dramatiq.queue
where actor in ('deliver_webhook', 'try_webhook') and message->'kwargs'->>'webhook' = :webhook::text
  and (finished_at is null or expires_at > dramatiq.clock())

-- name: page
-- The deliveries to a webhook behind a position, newest first.
select {{delivery}} from {{deliveries}}
  and (created_at, message_id) < (:before_at, :before_id::uuid)
order by created_at desc, message_id desc
limit :limit;

-- name: find
-- One delivery to a webhook.
select {{delivery}} from {{deliveries}} and message_id = :id::uuid;
