"""Below a path, behind a real nginx that takes the path off or leaves it."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx
import pytest

from sooner.local.ports import free_port
from tests.support.missing import missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import MakeKey
    from tests.support.processes import Process, Processes

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin")
WAYS = [(said, takes) for said in ("ROOT_PATH", "--root-path") for takes in (True, False)]


async def nginx(processes: Processes, folder: Path, servers: dict[int, str]) -> None:
    """Starts nginx: on each port `/sooner/` leads to an address."""
    blocks = "\n".join(
        f"server {{ listen 127.0.0.1:{port}; location /sooner/ {{ proxy_pass {address}; proxy_buffering off; }} }}"
        for port, address in servers.items()
    )
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr notice;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{blocks}\n}}\n"
    )
    started: Process = await processes.command(f"exec {NGINX} -p {folder} -c {folder}/nginx.conf -e stderr")
    await started.line("getrlimit")


@pytest.fixture
async def behind(
    processes: Processes, api_key: MakeKey, tmp_path: Path
) -> AsyncIterator[dict[tuple[str, bool], httpx.AsyncClient]]:
    """A client by who says the path, and whether nginx takes it off."""
    if NGINX is None:
        missing("nginx is not here")
    web, port = await processes.web(ROOT_PATH="/sooner/"), free_port()
    other = await processes.command(f"exec uvicorn src.api:app --port {port} --root-path /sooner")
    await processes.worker()
    await other.line("Uvicorn running")
    address = {"ROOT_PATH": web.url, "--root-path": f"http://127.0.0.1:{port}"}
    ports = {way: free_port() for way in WAYS}
    servers = {ports[said, takes]: address[said] + ("/" if takes else "") for said, takes in WAYS}
    await nginx(processes, tmp_path, servers)
    headers = {"Authorization": f"Bearer {await api_key(scopes=['jobs', 'admin'])}"}
    clients = {
        way: httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/sooner/", headers=headers, timeout=60, trust_env=False
        )
        for way, port in ports.items()
    }
    yield clients
    for client in clients.values():
        await client.aclose()


async def test_every_address_carries_the_path(behind: dict[tuple[str, bool], httpx.AsyncClient]) -> None:
    for way, client in behind.items():
        await _check_jobs(client)
        await _check_lists(client)
        await _check_pages(client)
        await _check_refusals(client)
        described = (await client.get("openapi.json")).json()
        assert described["servers"] == [{"url": "/sooner"}], way


async def _check_jobs(client: httpx.AsyncClient) -> None:
    done = await client.post("jobs/echo", json={"a": 1})
    assert (done.status_code, done.json()["state"]) == (200, "done")
    urls = done.json()["urls"]
    assert {url.partition("jobs/")[0] for url in urls.values()} == {"/sooner/"}
    for name in ("self", "result", "events"):
        address = urljoin(str(client.base_url), urls[name])
        request = client.build_request("GET", address)
        del request.headers["Authorization"]
        assert (await client.send(request)).status_code == 200, name
    later = await client.post("jobs/echo?delay=60", json={}, headers={"Prefer": "respond-async"})
    assert later.headers["location"].startswith(f"/sooner/jobs/{later.json()['id']}?access=")


async def _check_lists(client: httpx.AsyncClient) -> None:
    page = await client.get("jobs?limit=1")
    next = page.json()["next"]
    assert next.startswith("/sooner/jobs?limit=1&cursor=")
    assert page.headers["link"] == f'<{next}>; rel="next"'
    assert (await client.get(urljoin(str(client.base_url), next))).json()["items"] != page.json()["items"]
    assert page.json()["items"][0]["urls"]["self"].startswith("/sooner/jobs/")


async def _check_pages(client: httpx.AsyncClient) -> None:
    for page in ("", "dashboard", "docs"):
        answer = await client.get(page)
        assert answer.status_code == 200
        links = set(re.findall(r'(?:href|src)="([^#"]+)"', answer.text))
        assert links
        for link in links:
            assert not link.startswith("/"), link
            found = await client.get(urljoin(str(answer.url), link))
            assert found.status_code == 200, link
    assert (await client.get("static/sooner.js")).status_code == 200
    key = client.headers["Authorization"].partition(" ")[2]
    session = await client.post("session", json={"key": key})
    assert "Path=/sooner;" in session.headers["set-cookie"]
    gone = await client.delete("session")
    assert "Path=/sooner;" in gone.headers["set-cookie"]


async def _check_refusals(client: httpx.AsyncClient) -> None:
    for method, path in (("POST", "jobs/echo/"), ("GET", "jobs/"), ("GET", "static/sooner.js/")):
        answer = await client.request(method, path, json={})
        assert (answer.status_code, "location" in answer.headers) == (404, False), path
    wrong = await client.get("jobs/echo")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    async with httpx.AsyncClient(base_url=client.base_url, trust_env=False) as stranger:
        assert (await stranger.post("livez")).status_code == 405
        assert (await stranger.get("no/such/address")).status_code == 401
        assert (await stranger.get("static/no-such-file")).status_code == 404


async def test_without_a_proxy_both_ways_are_answered(processes: Processes) -> None:
    web = await processes.web(ROOT_PATH="/sooner")
    async with httpx.AsyncClient(base_url=web.url, trust_env=False) as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/sooner/livez")).status_code == 200
        assert (await client.get("/soonerlivez")).status_code == 401


@pytest.mark.parametrize("path", ["sooner", "/a b", "/a?b", "//a", "https://x/sooner"])
async def test_what_is_no_path_is_refused(path: str, processes: Processes) -> None:
    web = await processes.web(ready=False, ROOT_PATH=path)
    assert await web.exit() == 78
    assert web.lines == ["ROOT_PATH: not a path such as /sooner"]
