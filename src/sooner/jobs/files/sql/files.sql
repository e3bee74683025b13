-- name: begin
-- Begins a file of a job.
insert into sooner.file (id, job, name, type) values (:id, :job, :name, :type);

-- name: chunk
-- Adds a piece to a file.
insert into sooner.file_chunk (file, position, data) values (:id, :position, :data);

-- name: complete
-- Completes a file.
update sooner.file set bytes = :bytes, sha256 = :sha256 where id = :id;

-- name: discard
-- Removes an unfinished file with its pieces.
delete from sooner.file where id = :id;

-- name: find
-- Reads a complete file of a job.
select id, name, type, bytes, sha256 from sooner.file where id = :id and job = :job and bytes is not null;

-- name: read
-- Reads one piece of a file.
select data from sooner.file_chunk where file = :id and position = :position;
