"""HOST: where web listens, with one process and with several, on machines with and without IPv6."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import sys

import httpx
import pytest

from sooner.local.ports import free_port
from sooner.local.procfile import read_procfile
from sooner.process.settings import host
from tests.support import ROOT
from tests.support.environment import environment
from tests.support.processes import PATIENCE, Processes

LOOPBACK = {
    name: place.takes()
    for name, place in {
        "127.0.0.1": host.HostAddress(socket.AF_INET, ("127.0.0.1", 0)),
        "::1": host.HostAddress(socket.AF_INET6, ("::1", 0, 0, 0)),
    }.items()
}
BOTH = {name for name, takes in LOOPBACK.items() if takes}


def heard(port: int) -> set[str]:
    """On which of the loopback addresses something listens."""
    found = set()
    for address in BOTH:
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=PATIENCE):
            found.add(address)
    return found


async def listens(processes: Processes, **settings: str | None) -> set[str]:
    """Where the Procfile's web line listens on this machine."""
    port = free_port()
    await processes.web(
        ready=False, module="tests.support.silent", under_role=True, PORT=str(port), **settings
    )
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(trust_env=False) as client:
        while not (found := heard(port)):  # noqa: ASYNC110 - a port tells nobody that it opened
            await asyncio.sleep(0.05)
        # Its loop answers: no address comes after this.
        name = min(found)
        await client.get(f"http://{f'[{name}]' if ':' in name else name}:{port}/")
    return heard(port)


@pytest.mark.parametrize("count", ["1", "2"])
async def test_web_listens_on_all_addresses(processes: Processes, count: str) -> None:
    assert await listens(processes, WEB_CONCURRENCY=count) == BOTH


@pytest.mark.parametrize("given", sorted(BOTH))
async def test_an_address_is_kept_to(processes: Processes, given: str) -> None:
    bracketed = f"[{given}]" if ":" in given else given
    assert await listens(processes, HOST=bracketed) == {given}


def test_several_processes_share_one_socket_and_so_one_address_of_a_name() -> None:
    assert host.for_uvicorn("localhost", 1) in {"localhost", "127.0.0.1", "::1"}
    assert host.for_uvicorn("localhost", 2) == min(BOTH)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("*", "no name and no IP address"),
        ("no-such-host.invalid", "a name that cannot be resolved"),
        ("192.0.2.7", "no address of this machine"),
    ],
)
async def test_a_host_that_is_none_is_named(processes: Processes, given: str, reason: str) -> None:
    web = await processes.web(ready=False, HOST=given)
    await web.line(f"HOST: {reason}")
    assert await web.exit() == 78


#: The commands that make a machine of an empty network namespace: its addresses are those of documents (RFC 5737, 3849).
IPV4, IPV6 = "192.0.2.1", "2001:db8::1"
MACHINES = {
    "both": f"ip addr add {IPV4}/32 dev lo; ip addr add {IPV6}/128 dev lo nodad",
    "IPv4 alone": f"sysctl -qw net.ipv6.conf.all.disable_ipv6=1; ip addr add {IPV4}/32 dev lo",
    "IPv6 alone": f"ip addr del 127.0.0.1/8 dev lo; ip addr add {IPV6}/128 dev lo nodad",
    "both, apart": f"sysctl -qw net.ipv6.bindv6only=1; ip addr add {IPV4}/32 dev lo; ip addr add {IPV6}/128 dev lo nodad",
}
#: Runs the web line (its first argument) and prints which of the machine's addresses (the others) answer.
PROBE = """
import http.client, json, subprocess, sys, time, os
line, *addresses = sys.argv[1:]
web = subprocess.Popen(["sh", "-c", line], start_new_session=True)
def answers(address):
    try:
        client = http.client.HTTPConnection(address, int(os.environ["PORT"]), timeout=5)
        client.request("GET", "/")
        return client.getresponse().status == 200
    except OSError:
        return False
while web.poll() is None and not any(map(answers, addresses)):
    time.sleep(0.05)
print(json.dumps([address for address in addresses if answers(address)]))
os.killpg(web.pid, 9)
"""


def namespace(commands: str) -> list[str]:
    """What runs a command in a network of its own; skips the test where that is not allowed."""
    prefix = ["unshare", "--net", "sh", "-ec", f'ip link set lo up; {commands}; exec "$@"', "sh"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("this user may make no network namespace here")
    return prefix


@pytest.mark.slow
@pytest.mark.parametrize("count", ["1", "2"])
@pytest.mark.parametrize(
    ("machine", "expected"),
    [("both", [IPV4, IPV6]), ("IPv4 alone", [IPV4]), ("IPv6 alone", [IPV6]), ("both, apart", [IPV4, IPV6])],
)
def test_on_a_machine_of_another_kind(
    processes: Processes, machine: str, expected: list[str], count: str
) -> None:
    settings = {**processes.settings("web"), "PORT": "8000", "WEB_CONCURRENCY": count}
    line = read_procfile(ROOT / "Procfile")["web"].replace("src.api:app", "tests.support.silent:app")
    done = subprocess.run(
        [*namespace(MACHINES[machine]), sys.executable, "-c", PROBE, line, IPV4, IPV6],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    # A kernel that keeps IPv4 out of sockets of IPv6 leaves several processes, which share one, with the older of the two.
    if machine == "both, apart" and count == "2":
        expected = [IPV4]
    assert json.loads(done.stdout.splitlines()[-1]) == expected, done.stdout + done.stderr
