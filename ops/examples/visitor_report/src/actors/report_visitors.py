import csv
import io

from sooner import FileResult, Queries, create_file, database, job, progress

SQL = Queries("src.actors", "sql/report.sql")
PAGE = 1000


@job(retries=3)
async def report_visitors(least: int = 1) -> FileResult:
    """Makes a table of who came at least so many times: CSV, which every spreadsheet reads."""
    async with create_file("visitors.csv", "text/csv; charset=utf-8") as file:
        await file.write(lines([("name", "visits", "last visit")]))
        after = ""
        # Page by page: however many there are, neither the database nor this process holds them all.
        while rows := await database().rows(SQL.visitors, least=least, after=after, page=PAGE):
            await file.write(
                lines((row["name"], row["visits"], f"{row['came_at']:%Y-%m-%d}") for row in rows)
            )
            after = rows[-1]["name"]
            progress(message=f"up to {after}")
    return file.result


def lines(rows) -> bytes:
    """Rows as CSV."""
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()
