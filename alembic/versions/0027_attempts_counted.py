"""What became of attempts, how long they took and how long their jobs waited: counted by actor, in the statements that end them."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

#: The bounds of each decade: steps of a tenth or so, with 1, 2 and 5 among them.
STEPS = (10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 50, 56, 62, 68, 75, 82, 91)
#: From 0.1 ms to a day.
BOUNDS = [f"{step}e{decade - 1}" for decade in range(-4, 5) for step in STEPS] + ["100000", "'Infinity'"]

COUNTED = f"""
create function sooner.at_most(seconds double precision) returns double precision
language sql immutable parallel safe
return (array[{", ".join(BOUNDS)}]::double precision[])[1 + width_bucket(
  seconds, (array[{", ".join(BOUNDS[:-1])}]::double precision[]))];
comment on function sooner.at_most is 'The upper bound of the bucket in which a number of seconds is counted.';

create table sooner.attempt_tally (
  actor text not null,
  outcome text not null,
  began_at timestamptz not null,
  ended_at timestamptz not null,
  waited double precision,
  took double precision not null,
  attempts bigint not null,
  seconds_waited double precision,
  seconds_taken double precision not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
comment on table sooner.attempt_tally is
  'Attempts that have ended, a row for each kind of them in a statement; workers add them up in the two tables below and remove them.';
comment on column sooner.attempt_tally.began_at is 'As `ended_at`: the beginning of these five minutes.';
comment on column sooner.attempt_tally.waited is
  'At most so many seconds from when the job was due to its first attempt; null for other attempts.';
comment on column sooner.attempt_tally.took is 'At most so many seconds from its claim to its ending.';

create table sooner.attempt_total (
  actor text not null,
  measure text not null,
  at_most double precision not null,
  attempts bigint not null,
  seconds double precision not null,
  primary key (actor, measure, at_most)
) with (fillfactor = 50);
comment on table sooner.attempt_total is
  'Attempts since the beginning by actor: those begun, those of each outcome, and those that took or waited at most so many seconds.';
comment on column sooner.attempt_total.at_most is '0 where the measure is no duration.';

create table sooner.attempt_history (
  actor text not null,
  at timestamptz not null,
  measure text not null,
  at_most double precision not null,
  attempts bigint not null,
  primary key (actor, at, measure, at_most)
) with (fillfactor = 50);
comment on table sooner.attempt_history is 'The same for each five minutes of the last days.';
"""


def upgrade() -> None:
    op.execute(COUNTED)


def downgrade() -> None:
    op.execute("drop table sooner.attempt_history, sooner.attempt_total, sooner.attempt_tally")
    op.execute("drop function sooner.at_most(double precision)")
