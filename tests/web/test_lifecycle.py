"""A job's life through HTTP: states move as the contract says, whatever is asked in whatever order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

if TYPE_CHECKING:
    from tests.conftest import Service

LEADS_TO = {
    "waiting": {"waiting", "processing", "done", "error", "cancelled"},
    "processing": {"processing", "waiting", "done", "error", "cancelled"},
    "done": {"done"},
    "error": {"error"},
    "error_resolved": {"error_resolved"},
    "cancelled": {"cancelled"},
}
"""What may be seen after a state without anybody's retrying or resolving; states between may go unseen."""

FINAL = {"done", "error", "error_resolved", "cancelled"}


class Lifecycle(RuleBasedStateMachine):
    """Asks at random, and compares each document with what was seen of the job before."""

    url: str
    key: str

    def __init__(self) -> None:
        super().__init__()
        headers = {"Authorization": f"Bearer {self.key}"}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)
        self.seen: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        self.client.close()

    def note(self, document: dict[str, Any], *, acted: frozenset[str] = frozenset()) -> None:
        """A document that was seen follows from what was seen before."""
        before = self.seen.get(document["id"])
        if before is not None:
            allowed = LEADS_TO[before["state"]] | acted
            assert document["state"] in allowed, (before["state"], document["state"])
            assert document["attempts"] >= before["attempts"]
            if before["state"] in FINAL and document["state"] == before["state"] and not acted:
                changed = {name for name in before if before[name] != document[name]} - {"urls"}
                assert not changed, changed
        assert (document["finished_at"] is not None) == (document["state"] in FINAL)
        assert (document["error"] is not None) <= (document["state"] in {"error", "error_resolved"})
        self.seen[document["id"]] = document

    def a_job(self, number: int) -> dict[str, Any] | None:
        known = list(self.seen.values())
        return known[number % len(known)] if known else None

    @rule(
        what=st.sampled_from(
            [
                ("echo", {}),
                ("sleep", {"seconds": 0.05, "steps": 3}),
                ("sleep", {"seconds": 1000}),
                ("fail", {}),
                ("fail", {"times": 1}),
                ("flaky", {"times": 1}),
            ]
        ),
        query=st.sampled_from(["", "?delay=1000", "?delay=0.1", "?priority=high"]),
        wait=st.sampled_from([0, 1]),
    )
    def submit(self, what: tuple[str, dict[str, Any]], query: str, wait: int) -> None:
        actor, params = what
        answer = self.client.post(f"/jobs/{actor}{query}", json=params, headers={"Prefer": f"wait={wait}"})
        assert answer.status_code == (200 if answer.json()["state"] in FINAL else 202)
        self.note(answer.json())

    @rule(number=st.integers(0, 99))
    def read(self, number: int) -> None:
        if job := self.a_job(number):
            answer = self.client.get(f"/jobs/{job['id']}")
            assert answer.status_code == 200
            self.note(answer.json())

    @rule(number=st.integers(0, 99))
    def wait(self, number: int) -> None:
        if job := self.a_job(number):
            self.note(self.client.get(f"/jobs/{job['id']}", headers={"Prefer": "wait=1"}).json())

    @rule(number=st.integers(0, 99))
    def cancel(self, number: int) -> None:
        if job := self.a_job(number):
            answer = self.client.post(f"/jobs/{job['id']}/cancel")
            assert answer.status_code in ({409} if job["state"] in FINAL else {200, 202, 409})
            if answer.status_code == 200:
                assert answer.json()["state"] == "cancelled"
            if answer.status_code != 409:
                self.note(answer.json())

    @rule(number=st.integers(0, 99))
    def retry(self, number: int) -> None:
        if job := self.a_job(number):
            answer = self.client.post(f"/jobs/{job['id']}/retry")
            if job["state"] in FINAL:
                assert answer.status_code == (202 if job["state"] == "error" else 409)
            if answer.status_code == 202:
                self.note(answer.json(), acted=frozenset(LEADS_TO["waiting"]))

    @rule(number=st.integers(0, 99))
    def resolve(self, number: int) -> None:
        if job := self.a_job(number):
            answer = self.client.post(f"/jobs/{job['id']}/resolve", json={"note": "seen"})
            if job["state"] in FINAL:
                assert answer.status_code == (200 if job["state"] == "error" else 409)
            if answer.status_code == 200:
                assert answer.json()["state"] == "error_resolved"
                self.note(answer.json(), acted=frozenset({"error_resolved"}))

    @rule()
    def look_at_all(self) -> None:
        for id in list(self.seen):
            self.note(self.client.get(f"/jobs/{id}").json())


@pytest.mark.slow
async def test_states_move_as_the_contract_says(service: Service) -> None:
    few = settings(
        max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )

    class Ours(Lifecycle):
        url = service.web.url
        key = service.key

    await asyncio.to_thread(run_state_machine_as_test, Ours, settings=few)
