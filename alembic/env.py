"""Runs the migrations against DATABASE_URL, or each of DATABASE_URLS, one transaction each, one migrator at a time."""

import importlib.util
import os
import sys
import time

import psycopg2
import psycopg2.errors
from sqlalchemy import Connection, Engine, create_engine, event, pool, text
from sqlalchemy.exc import OperationalError

from alembic import context

if importlib.util.find_spec("sooner") is None:
    # In its own checkout the engine lies in `src`, which puts it on the path.
    importlib.import_module("src")

from sooner.db.migrations import of_each
from sooner.process.settings import MigrationSettings, load

#: Two releases that start together must not race; the number only has to be ours.
MIGRATION_LOCK = 7_662_667

#: Said of public.alembic_version where that is ours: why it is still there, and which head has left it.
KEPT = "Sooner's, for its processes of before sooner.alembic_version; goes with the first revision after "

#: Another program's migrations may have the table too, and a number there that is one of ours.
IS_OURS = """
select exists (select from pg_attribute where attrelid = to_regclass('dramatiq.queue') and attname = 'lane')
  and to_regclass('public.alembic_version') is not null and to_regclass('sooner.alembic_version') is null
"""

#: Whoever may read it there may read it here.
MOVE = """
create table sooner.alembic_version (like public.alembic_version including all);
insert into sooner.alembic_version select * from public.alembic_version;
do $$
declare
  reader text;
begin
  for reader in
    select case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end
    from pg_class, aclexplode(relacl)
    where oid = 'public.alembic_version'::regclass and privilege_type = 'SELECT'
  loop
    execute 'grant select on sooner.alembic_version to ' || reader;
  end loop;
end $$;
"""


#: Everybody who comes later waits behind a migration that waits for a table's lock: so it gives way, and tries again.
LOCK_TIMEOUT = "2s"
TRIES = 10
PAUSE_SECONDS = 0.5

HOLDERS = """
select format('pid %s (%s), whose transaction is %s s old', pid, coalesce(nullif(application_name, ''), usename),
  extract(epoch from clock_timestamp() - xact_start)::int)
from pg_stat_activity
where xact_start is not null and pid <> pg_backend_pid() and pid in (
  select pid from pg_locks join pg_class on pg_class.oid = relation
  where granted and relnamespace in (select oid from pg_namespace where nspname in ('dramatiq', 'sooner', 'sooner_directory'))
)
order by xact_start limit 3
"""


def migrate(url: str) -> None:
    # libpq reads the address itself: SQLAlchemy knows no address of several hosts.
    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: psycopg2.connect(url), poolclass=pool.NullPool
    )
    # The lock lasts as long as a transaction: a pooler keeps a session's for whoever comes next.
    with engine.begin() as lock:
        lock.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        with engine.begin() as connection:
            move_revision(connection)
        run_patiently(engine)
        with engine.begin() as connection:
            tidy_up(connection)


def run_patiently(engine: Engine) -> None:
    """Runs the command again where a lock was not to be had: what it has done so far is done."""
    for tries_left in reversed(range(TRIES)):
        with engine.connect() as connection:
            give_way(connection)
            try:
                run(connection)
                return
            except OperationalError as error:
                if not isinstance(
                    error.orig, (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected)
                ):
                    raise
        with engine.connect() as connection:
            holders = "; ".join(connection.scalars(text(HOLDERS))) or "nobody any more"
        if not tries_left:
            print(
                f"the migration found no moment without a lock on its tables, held by {holders}. The last revision was not begun. "
                "End these transactions, select pg_terminate_backend(PID), or run the migration again when they have ended.",
                file=sys.stderr,
            )
            raise SystemExit(os.EX_TEMPFAIL)
        print(f"the migration gives way and tries again: a lock is held by {holders}", file=sys.stderr)
        time.sleep(PAUSE_SECONDS)


def give_way(connection: Connection) -> None:
    """Bounds the wait for a lock in each transaction, unless the address does; a pooler would keep a session's setting."""
    is_bounded = connection.scalar(text("select current_setting('lock_timeout') <> '0'"))
    connection.rollback()
    if not is_bounded:
        event.listen(
            connection,
            "begin",
            lambda begun: begun.exec_driver_sql(f"set local lock_timeout = '{LOCK_TIMEOUT}'"),
        )


def run(connection: Connection) -> None:
    """What the command asks for."""
    context.configure(connection=connection, version_table_schema="sooner", transaction_per_migration=True)
    if not context.get_context().opts.get("dont_mutate"):
        with connection.begin():
            # Where it is there, nobody needs the right to make it.
            if connection.scalar(text("select to_regnamespace('sooner') is null")):
                connection.execute(text("create schema sooner"))
    with context.begin_transaction():
        context.run_migrations()


def move_revision(connection: Connection) -> None:
    """Takes our revision over from public.alembic_version, where older releases had it.

    That table stays for their processes, whose /readyz reads it while they are replaced.
    """
    if not connection.scalar(text(IS_OURS)):
        return
    found = connection.scalars(text("select version_num from public.alembic_version")).all()
    if len(found) == 1 and found[0] in {script.revision for script in context.script.walk_revisions()}:
        connection.execute(text(MOVE))
        said = f"{KEPT}{context.get_head_revision()}".replace("'", "''")
        connection.execute(text(f"comment on table public.alembic_version is '{said}'"))


def tidy_up(connection: Connection) -> None:
    """Removes what no process needs any more: the former table, and after the way back to nothing the schema."""
    said = connection.scalar(
        text("select obj_description(to_regclass('public.alembic_version'), 'pg_class')")
    )
    if said and said.startswith(KEPT) and said != f"{KEPT}{context.get_head_revision()}":
        connection.execute(text("drop table public.alembic_version"))
    has_versions = connection.scalar(text("select to_regclass('sooner.alembic_version') is not null"))
    if has_versions and not connection.scalar(text("select count(*) from sooner.alembic_version")):
        connection.execute(text("drop table sooner.alembic_version"))
        connection.execute(text("drop schema sooner"))


of_each(load(MigrationSettings).addresses, migrate)
