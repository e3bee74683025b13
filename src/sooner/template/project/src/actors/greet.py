from typing_extensions import TypedDict

from sooner import Queries, database, job, progress

SQL = Queries("src.actors", "sql/visitor.sql")


class Greeting(TypedDict):
    greeting: str
    visits: int


@job
async def greet(name: str) -> Greeting:
    """Greets somebody, and counts how often that was."""
    progress(0.5, f"looking for {name}")
    row = await database().row(SQL.come, name=name)
    visits = int(row["visits"]) if row else 0
    return {"greeting": greeting(name, visits), "visits": visits}


def greeting(name: str, visits: int) -> str:
    """The greeting of a visitor, by the number of visits."""
    return f"Welcome, {name}!" if visits == 1 else f"Welcome back, {name}, for the {visits - 1}. time!"
