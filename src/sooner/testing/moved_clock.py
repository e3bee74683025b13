"""The database's clock, moved."""


def statement(seconds: float) -> str:
    """The SQL after which it is so many seconds later than the server's time."""
    return (
        "create or replace function dramatiq.clock() returns timestamptz language sql stable parallel safe "
        f"return pg_catalog.now() + interval '{seconds} seconds'"
    )
