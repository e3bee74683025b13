-- name: add
-- Adds a notice to a job that has not ended, unless it has one for this address, or :most.
with added as (
  update dramatiq.queue set notify = coalesce(notify, '[]') || :notice::jsonb
  where message_id = :id and state in ('queued', 'consumed') and jsonb_array_length(coalesce(notify, '[]')) < :most
    and not coalesce(notify, '[]') @> jsonb_build_array(jsonb_build_object('to', :to::text))
  returning tenant, state
)
-- What runs takes it along; a waiting job may be a copy already.
select sooner.refuse_frozen(tenant, null, '') as refused from added where state <> 'consumed';
