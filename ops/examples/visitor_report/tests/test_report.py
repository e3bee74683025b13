import csv
from datetime import UTC, datetime

from src.actors.greet import greet
from src.actors.report_visitors import report_visitors


async def test_a_report_has_a_line_for_each_visitor(sooner) -> None:
    for name in ("Grace", "Ada", 'Edsger, "E.W.D."', "Ada"):
        await sooner.run(greet, name=name)

    document = await sooner.run(report_visitors)

    made = await sooner.client.get(f"/jobs/{document['id']}/result")
    assert made.headers["content-type"] == "text/csv; charset=utf-8"
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert list(csv.reader(made.text.splitlines())) == [
        ["name", "visits", "last visit"],
        ["Ada", "2", today],
        ['Edsger, "E.W.D."', "1", today],
        ["Grace", "1", today],
    ]
