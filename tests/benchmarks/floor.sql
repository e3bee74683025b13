\set id random(1, 1000000000000)
insert into floor_job (id, state, message) values (:id, 'queued', '{"actor_name": "echo", "kwargs": {}}');
with claimed as (update floor_job set state = 'consumed' where id = (select id from floor_job where state = 'queued' order by id limit 1 for update skip locked) returning id) select coalesce(max(id), 0) as taken from claimed \gset
update floor_job set state = 'done', result = '{}' where id = :taken;
