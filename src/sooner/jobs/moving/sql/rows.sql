-- name: queue
-- Jobs, but those that run: they stay until they end.
select {{queue_columns}} from dramatiq.queue where message_id = any(:ids::uuid[]) and state <> 'consumed';

-- name: output
-- What jobs have put out.
select {{output_columns}} from sooner.output where job = any(:ids::uuid[]);

-- name: log_line
-- What jobs have logged.
select {{log_line_columns}} from sooner.log_line where job = any(:ids::uuid[]);

-- name: file
-- The files of jobs.
select {{file_columns}} from sooner.file where job = any(:ids::uuid[]);

-- name: file_chunk
-- Their pieces.
select {{file_chunk_columns}} from sooner.file_chunk
where file in (select id from sooner.file where job = any(:ids::uuid[]));

-- name: blob_of_file
-- Where those of them lie that are in a store.
select {{blob_columns}} from sooner.blob where id in (select id from sooner.file where job = any(:ids::uuid[]));

-- name: upload
-- Uploads.
select {{upload_columns}} from sooner.upload where id = any(:ids::uuid[]);

-- name: chunk
-- Their pieces.
select {{chunk_columns}} from sooner.chunk where upload = any(:ids::uuid[]);

-- name: blob
-- Where those of them lie that are in a store.
select {{blob_columns}} from sooner.blob where id = any(:ids::uuid[]);

-- name: limit
-- The limits under which jobs wait; how many run is each database's own.
select {{limit_columns}} from sooner."limit"
where key in (select limit_key from dramatiq.queue where message_id = any(:ids::uuid[]))
order by key collate "C";

-- name: api_key
-- The keys of a tenant.
select {{api_key_columns}} from sooner.api_key where tenant = :tenant::text;

-- name: token
-- Their tokens.
select {{token_columns}} from sooner.token where key in (select id from sooner.api_key where tenant = :tenant::text);

-- name: webhook
-- The webhooks of a tenant.
select {{webhook_columns}} from sooner.webhook where tenant = :tenant::text;
