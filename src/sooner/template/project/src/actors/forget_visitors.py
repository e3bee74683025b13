from sooner import Queries, database, job

SQL = Queries("src.actors", "sql/visitor.sql")


@job(internal=True, retries=3)
async def forget_visitors() -> int:
    """Removes visitors who have not come for a year; the result is their number."""
    return len(await database().rows(SQL.forget))
