"""POST /jobs/{id}/retry and /resolve."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


async def fail(client: httpx.AsyncClient, **params: object) -> str:
    answer = await client.post("/jobs/fail", json=params)
    assert answer.json()["state"] == "error", answer.text
    return str(answer.json()["id"])


async def test_a_retried_job_goes_on_where_it_failed(client: httpx.AsyncClient) -> None:
    id = await fail(client, times=1)

    retried = await client.post(f"/jobs/{id}/retry")
    while (document := (await client.get(f"/jobs/{id}", headers={"Prefer": "wait=5"})).json())["state"] in (
        "waiting",
        "processing",
    ):
        pass

    assert retried.status_code == 202
    assert retried.headers["Location"].startswith(f"/jobs/{id}?access=")
    assert document["state"] == "done"
    assert document["attempts"] == 2
    assert document["error"] is None
    assert document["result"] == {"survived": 1}


async def test_a_retry_outlives_the_first_attempts_cancel_after(client: httpx.AsyncClient) -> None:
    failed = await client.post("/jobs/fail?delay=0", json={"times": 1}, headers={"Cancel-After": "2"})
    id = failed.json()["id"]
    deadline = await client.post(
        "/jobs/sleep?delay=60", json={"seconds": 0}, headers={"Cancel-After": "2", "Prefer": "respond-async"}
    )
    etag = deadline.headers["ETag"]
    # When this one was cancelled, the other one's time has come too.
    cancelled = await client.get(
        f"/jobs/{deadline.json()['id']}", headers={"Prefer": "wait=20", "If-None-Match": etag}
    )

    await client.post(f"/jobs/{id}/retry")
    ended = await client.get(f"/jobs/{id}", headers={"Prefer": "wait=10"})

    assert cancelled.json()["state"] == "cancelled"
    assert ended.json()["state"] != "cancelled"


async def test_a_resolved_job_keeps_the_note(client: httpx.AsyncClient) -> None:
    id = await fail(client, message="broken")

    resolved = await client.post(f"/jobs/{id}/resolve", json={"note": "the disk was full"})

    assert resolved.status_code == 200
    assert resolved.json()["state"] == "error_resolved"
    assert resolved.json()["error"]["detail"] == "broken"
    assert resolved.json()["error"]["note"] == "the disk was full"
    assert resolved.json() == (await client.get(f"/jobs/{id}")).json()


async def test_a_note_is_optional_and_an_unfit_one_is_refused(client: httpx.AsyncClient) -> None:
    id = await fail(client)

    unfit = [
        await client.post(f"/jobs/{id}/resolve", content=body, headers={"Content-Type": "application/json"})
        for body in ('{"note": 1}', '{"remark": "x"}', "[]", '{"note": "%s"}' % ("x" * 2001))
    ]
    broken = await client.post(f"/jobs/{id}/resolve", content="{")
    resolved = await client.post(f"/jobs/{id}/resolve")

    assert [answer.status_code for answer in unfit] == [422, 422, 422, 422]
    assert broken.status_code == 400
    assert resolved.status_code == 200
    assert "note" not in resolved.json()["error"]


async def test_only_a_failed_job_is_repaired(client: httpx.AsyncClient) -> None:
    done = (await client.post("/jobs/echo", json={})).json()["id"]
    waiting = (await client.post("/jobs/echo?delay=60", json={})).json()["id"]
    resolved = await fail(client)
    await client.post(f"/jobs/{resolved}/resolve")

    answers = [
        await client.post(f"/jobs/{id}/{act}")
        for id in (done, waiting, resolved)
        for act in ("retry", "resolve")
    ]

    assert {answer.status_code for answer in answers} == {409}
    assert answers[0].json()["detail"] == "Only a job in state error can be retried."
    assert (await client.get(f"/jobs/{done}")).json()["result"] == {}


async def test_a_signed_address_lets_nobody_repair(
    client: httpx.AsyncClient,
) -> None:
    id = await fail(client)
    access = (await client.get(f"/jobs/{id}")).json()["urls"]["self"].partition("?")[2]

    answer = await client.post(f"/jobs/{id}/retry?{access}", headers={"Authorization": ""})

    assert answer.status_code == 401
