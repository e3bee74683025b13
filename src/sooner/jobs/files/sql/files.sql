-- name: begin
-- A job begins a file.
insert into sooner.file (id, job, name, type) values (:id, :job, :name, :type);

-- name: chunk
-- One piece of a file.
insert into sooner.file_chunk (file, position, data) values (:id, :position, :data);

-- name: complete
-- The file is whole.
update sooner.file set bytes = :bytes, sha256 = :sha256 where id = :id;

-- name: discard
-- The file was not finished; its pieces go with it.
delete from sooner.file where id = :id;

-- name: find
-- A whole file of a job.
select id, name, type, bytes, sha256 from sooner.file where id = :id and job = :job and bytes is not null;

-- name: read
-- One piece.
select data from sooner.file_chunk where file = :id and position = :position;
