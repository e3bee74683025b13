"""What an actor says, in its result, its errors, its progress, and who gets to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.jobs import post

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

ACTORS = "tests.support.sayings"
UNREAD = "what the tenant is not to read"


async def test_what_ends_an_attempt_is_told_by_what_it_is(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    client = connect(await processes.web(module=ACTORS), await api_key())
    await processes.worker(module=ACTORS)

    for name in ("unexpected", "unexpected_on_thread"):
        document = await post(client, name, "wait=20")
        answers = [
            await client.get(path)
            for path in (f"/jobs/{document['id']}", document["urls"]["result"], f"/jobs?actor={name}")
        ]
        assert document["error"] == {
            "type": "LookupError",
            "title": "The job failed with an unexpected exception",
            "detail": None,
        }
        assert answers[1].json() == {
            "type": "LookupError",
            "title": document["error"]["title"],
            "status": 502,
        }
        assert not [answer for answer in answers if UNREAD in answer.text]

    for name in ("fail_in_a_group", "fail_in_a_group_on_thread"):
        for again, others, attempts, detail in (
            (False, 0, 1, "no luck"),
            (False, 2, 1, "no luck (and 2 more)"),
            (True, 0, 3, "no luck"),
        ):
            document = await post(client, name, "wait=20", again=again, others=others)
            assert document["error"] == {"type": "unlucky", "title": "It went wrong", "detail": detail}
            assert (document["state"], document["attempts"]) == ("error", attempts)
