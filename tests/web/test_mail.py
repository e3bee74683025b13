"""Mail at a job's end, to a real SMTP server: once, with the job's own address, tried again as webhooks are."""

from __future__ import annotations

import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest
import trustme

from sooner.jobs.mail.letter import Letter
from sooner.process.mail_address import MailAddress, Sender
from tests.support.clock import start_clock
from tests.support.mail_server import ACCEPT_AND_DROP, DROP, Mail, MailBox, mail_box
from tests.support.rows import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes, Web

TO = "mailto:ada@example.org"
SENDER = "Sooner & Co <sooner@example.com>"
LATER = {"Prefer": "respond-async"}


@pytest.fixture
async def box() -> AsyncIterator[MailBox]:
    """See `MailBox`."""
    async with mail_box() as box:
        yield box


@pytest.fixture
async def web(processes: Processes, box: MailBox) -> Web:
    """A web process below a path, with a worker; both know the mail server."""
    await processes.worker(SMTP_URL=box.url, MAIL_FROM=SENDER)
    return await processes.web(SMTP_URL=box.url, ROOT_PATH="/sooner")


@pytest.fixture
async def client(web: Web, connect: Connect, api_key: MakeKey) -> httpx.AsyncClient:
    """A client of tenant `acme`."""
    return connect(web, await api_key())


@pytest.fixture
async def db(settings: dict[str, dict[str, str | None]]) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the test's database."""
    connection = await asyncpg.connect(settings["web"]["DATABASE_URL"])
    yield connection
    await connection.close()


def address(mail: Mail) -> str:
    """The job's address in a mail, the same in both of its parts."""
    [plain] = re.findall(r"https?://\S+", mail.part("plain"))
    assert f'<a href="{plain}">' in mail.part("html")
    return str(plain)


async def test_each_way_a_job_ends_is_mailed_once_with_its_own_address(
    web: Web, client: httpx.AsyncClient, connect: Connect, box: MailBox, db: asyncpg.Connection
) -> None:
    notify = {"notify": TO}
    done = (await client.post("/jobs/echo", params=notify, json={"n": 1})).json()["id"]
    failed = (await client.post("/jobs/fail", params=notify, json={})).json()["id"]
    waiting = (await client.post("/jobs/echo", params=notify | {"delay": "60"}, json={})).json()["id"]
    overdue = (
        await client.post(
            "/jobs/echo", params=notify | {"delay": "60"}, json={}, headers={"Cancel-After": "0"}
        )
    ).json()["id"]
    await client.post("/jobs/echo", json={"n": 2})
    await client.post(f"/jobs/{waiting}/cancel")
    mails = {
        re.findall(r"^Job: (\S+)$", mail.part("plain"), re.MULTILINE)[0]: mail for mail in await box.mails(4)
    }

    assert {id: mail.message["subject"] for id, mail in mails.items()} == {
        done: "echo is done",
        failed: "fail has failed",
        waiting: "echo was cancelled",
        overdue: "echo was cancelled",
    }
    for id, mail in mails.items():
        assert (mail.sender, mail.recipients) == ("sooner@example.com", ["ada@example.org"])
        assert (mail.message["from"], mail.message["to"]) == (
            "Sooner & Co <sooner@example.com>",
            "ada@example.org",
        )
        assert mail.message["auto-submitted"] == "auto-generated"
        assert mail.message.get_content_type() == "multipart/alternative"
        assert address(mail).startswith(f"{web.url}/sooner/jobs/{id}?access=")
    plain = mails[failed].part("plain")
    assert re.search(r"^State: error$", plain, re.MULTILINE)
    assert re.search(r"^Error: It was asked to fail$", plain, re.MULTILINE)
    assert "It was asked to fail" in mails[failed].part("html")
    assert "Error:" not in mails[done].part("plain")

    opened = await connect(web).get(address(mails[done]))
    assert (opened.status_code, opened.json()["result"]) == (200, {"n": 1})
    other = await connect(web).get(address(mails[done]).replace(done, failed))
    assert other.status_code == 401
    assert len({mail.message["message-id"] for mail in mails.values()}) == 4
    assert await db.fetchval("select count(*) from dramatiq.queue where actor = 'deliver_mail'") == 4
    assert {item["actor"] for item in (await client.get("/jobs")).json()["items"]} == {"echo", "fail"}
    # A person who tries again is told of the next end.
    await client.post(f"/jobs/{failed}/retry")
    assert (await box.mails(5))[4].message["subject"] == "fail has failed"


async def test_whoever_attaches_to_a_unique_job_is_mailed_too(
    processes: Processes, connect: Connect, api_key: MakeKey, box: MailBox
) -> None:
    web = await processes.web(module="tests.support.actors", SMTP_URL=box.url)
    await processes.worker(module="tests.support.actors", SMTP_URL=box.url, MAIL_FROM=SENDER)
    client = connect(web, await api_key())
    people = ["ada@example.org", "bob@example.org", "ada@example.org"]
    answers = [
        await client.post(
            "/jobs/once_a_page", params={"notify": f"mailto:{to}", "delay": "60"}, json={}, headers=LATER
        )
        for to in people
    ]
    [id] = {answer.json()["id"] for answer in answers}
    await client.post(f"/jobs/{id}/cancel")
    mails = await box.mails(2)

    assert sorted(mail.recipients[0] for mail in mails) == ["ada@example.org", "bob@example.org"]
    for mail in mails:
        assert (await connect(web).get(address(mail))).json()["state"] == "cancelled"


async def test_the_address_is_the_one_that_the_client_and_its_proxy_use(
    client: httpx.AsyncClient, box: MailBox
) -> None:
    proxied = {"X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "jobs.example.org, inner"}
    id = (await client.post("/jobs/echo", params={"notify": TO}, json={}, headers=proxied)).json()["id"]
    broken = {"Host": "a/b"}
    refused = await client.post("/jobs/echo", params={"notify": TO}, json={}, headers=broken)
    taken = await client.post("/jobs/echo", json={}, headers=broken)

    [mail] = await box.mails(1)
    assert address(mail).startswith(f"https://jobs.example.org/sooner/jobs/{id}?access=")
    assert (refused.status_code, taken.status_code) == (422, 200)


@pytest.mark.parametrize(
    ("notify", "recipient", "header"),
    [
        ("mailto:ada%2Blovelace@example.org", "ada+lovelace@example.org", "ada+lovelace@example.org"),
        ("MAILTO:ada@EXAMPLE.org", "ada@example.org", "ada@example.org"),
        ("mailto:info@bücher.example", "info@xn--bcher-kva.example", "info@xn--bcher-kva.example"),
        ("mailto:j%C3%BCrgen@example.org", "jürgen@example.org", "jürgen@example.org"),
        ("mailto:δοκιμή@παράδειγμα.example", "δοκιμή@xn--hxajbheg2az3al.example", None),
    ],
    ids=["plus", "upper", "domain", "local", "both"],
)
async def test_an_international_address_gets_its_mail(
    notify: str, recipient: str, header: str | None, client: httpx.AsyncClient, box: MailBox
) -> None:
    answer = await client.post("/jobs/echo", params={"notify": notify}, json={})
    [mail] = await box.mails(1)

    assert answer.status_code == 200
    assert mail.recipients == [recipient]
    assert mail.message["to"] == (header or recipient)


async def test_what_is_no_single_address_is_refused(
    client: httpx.AsyncClient, db: asyncpg.Connection
) -> None:
    unfit = [
        "",
        "ada@example.org",
        "mailto:",
        "mailto:ada",
        "mailto:@example.org",
        "mailto:ada@",
        "mailto:ada@-example.org",
        "mailto:ada@exa_mple.org",
        "mailto:a..b@example.org",
        "mailto:ada@example.org,bob@example.org",
        "mailto:ada@example.org;bob@example.org",
        "mailto:ada@example.org?cc=bob@example.org",
        "mailto:ada@example.org%3Fcc=bob@example.org",
        "mailto:ada@example.org\r\nBcc: bob@example.org",
        "mailto:ada@example.org%0D%0ABcc:%20bob@example.org",
        "mailto:ada%0Abob@example.org",
        "mailto:ada%00@example.org",
        "mailto:%ff@example.org",
        "mailto:Ada <ada@example.org>",
        'mailto:"a b"@example.org',
        "mailto:" + "a" * 65 + "@example.org",
        "mailto:a@" + "b." * 130 + "org",
        "mailto://ada@example.org",
        # A plus sign that was not escaped, or a space.
        "mailto: ada@example.org",
        "https://example.org/",
    ]
    answers = {text: await client.post("/jobs/echo", params={"notify": text}, json={}) for text in unfit}
    unfit.append("two of them")
    answers["two of them"] = await client.post(f"/jobs/echo?notify={TO}&notify={TO}", json={})

    assert {text: answer.status_code for text, answer in answers.items()} == dict.fromkeys(unfit, 422)
    assert {answer.json()["errors"][0]["pointer"] for answer in answers.values()} == {"#/notify"}
    assert await db.fetchval("select count(*) from dramatiq.queue") == 0


async def test_without_a_mail_server_mail_is_refused(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    client = connect(await processes.web(), await api_key())
    answer = await client.post("/jobs/echo", params={"notify": TO}, json={})

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == "#/notify"
    assert "sends no mail" in error["detail"]
    assert "SMTP_URL" in error["detail"]


async def pass_the_pause(db: asyncpg.Connection, attempts: int) -> None:
    """Wait until a delivery has failed so often, then let time pass until its next attempt."""
    waits = (
        "select due_at > dramatiq.clock() from dramatiq.queue where actor = 'deliver_mail' and attempts = $1"
    )
    assert await until(db, waits, attempts)
    await start_clock(db, await db.fetchval("select dramatiq.clock()") + timedelta(minutes=40))
    await db.execute("select pg_notify('sooner.postponed', '')")


async def test_a_mail_that_is_not_accepted_is_tried_again_and_is_the_same(
    client: httpx.AsyncClient, box: MailBox, db: asyncpg.Connection
) -> None:
    box.to_recipient, box.to_data = ["451 4.7.1 greylisted"], [DROP, ACCEPT_AND_DROP]
    await client.post("/jobs/echo", params={"notify": TO}, json={})
    for attempt in (1, 2, 3):
        await box.tried(attempt)
        await pass_the_pause(db, attempt)
    await box.mails(2)
    assert await until(db, "select state = 'done' from dramatiq.queue where actor = 'deliver_mail'")
    history = json.loads(await db.fetchval("select history from dramatiq.queue where actor = 'deliver_mail'"))

    # The server had accepted the third try, but never said so: the fourth is the same mail, and can be told by its id.
    first, second = box.accepted
    assert first.message.as_bytes() == second.message.as_bytes()
    assert first.message["message-id"] == second.message["message-id"]
    assert {each["error"]["type"] for each in history} == {"mail-not-taken"}
    assert history[0]["error"]["detail"] == "The mail server answered 451: 4.7.1 greylisted"
    assert all(each["error"]["detail"].startswith("The mail server") for each in history)


async def test_an_accepted_mail_is_not_sent_again_and_a_refused_one_is_given_up(
    client: httpx.AsyncClient, box: MailBox, db: asyncpg.Connection
) -> None:
    await client.post("/jobs/echo", params={"notify": TO}, json={})
    await box.mails(1)
    state = (
        "select state::text || coalesce(result->>'sent', '') from dramatiq.queue where actor = 'deliver_mail'"
    )
    assert await until(db, f"{state} and state = 'done'") == "donetrue"
    # As after a crash between the server's answer and the job's ending.
    await db.execute(
        "update dramatiq.queue set state = 'queued', worker = null, finished_at = null, result = null"
        " where actor = 'deliver_mail'"
    )
    await db.execute("select pg_notify('dramatiq.mail.enqueue', 'back')")
    assert await until(db, f"{state} and state = 'done'") == "donefalse"
    box.to_data = ["554 5.7.1 this is spam"]
    await client.post("/jobs/echo", params={"notify": TO}, json={})
    refused = "select error from dramatiq.queue where actor = 'deliver_mail' and state = 'rejected' and attempts = 1"
    error = json.loads(await until(db, refused))

    assert error["detail"] == "The mail server answered 554: 5.7.1 this is spam"
    assert len(box.accepted) == 1


async def test_the_password_goes_over_tls_and_into_no_line(
    processes: Processes, connect: Connect, api_key: MakeKey, tmp_path: Path, db: asyncpg.Connection
) -> None:
    authority, file = trustme.CA(), tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    password = "tröpfchen/@:?#"
    user = "sooner:tr%C3%B6pfchen%2F%40%3A%3F%23@"
    trust: dict[str, Any] = {"SSL_CERT_FILE": str(file), "MAIL_FROM": SENDER}
    async with mail_box(tls_context=tls, auth_required=True) as box, mail_box(ssl=tls) as encrypted:
        box.login = ("sooner", password)
        worker = await processes.worker(SMTP_URL=box.url.replace("//", f"//{user}"), **trust)
        web = await processes.web(SMTP_URL=box.url)
        client = connect(web, await api_key())
        await client.post("/jobs/echo", params={"notify": TO}, json={})
        [upgraded] = await box.mails(1)
        box.login = ("sooner", "another")
        await client.post("/jobs/echo", params={"notify": TO}, json={})
        waits = "select history->0->'error'->>'detail' from dramatiq.queue where actor = 'deliver_mail' and attempts = 1 and state = 'queued'"
        refused = await until(db, waits)
        await db.execute("delete from dramatiq.queue where actor = 'deliver_mail'")
        assert await worker.terminate() == 0
        again = await processes.worker(SMTP_URL=encrypted.url.replace("smtp", "smtps"), **trust)
        await client.post("/jobs/echo", params={"notify": TO}, json={})
        [whole] = await encrypted.mails(1)
        assert await again.terminate() == 0
        await processes.worker(SMTP_URL=box.url, MAIL_FROM=SENDER)
        await client.post("/jobs/echo", params={"notify": TO}, json={})
        untrusted = await until(db, waits)

    assert upgraded.over_tls
    assert refused.startswith("The mail server answered 535")
    assert whole.recipients == ["ada@example.org"]
    assert "certificate verify failed" in untrusted
    assert not [line for line in worker.lines if "pfchen" in line or "another" in line]


@pytest.mark.parametrize(
    ("url", "sender", "line"),
    [
        ("http://mail.example", SENDER, "SMTP_URL: not smtp://"),
        ("smtp://", SENDER, "SMTP_URL: not smtp://"),
        ("smtp://mail.example:none", SENDER, "SMTP_URL: its host or port cannot be read"),
        ("smtp://geheim@mail.example", SENDER, "SMTP_URL: a user needs a password"),
        ("smtp://mail.example?timeout=5", SENDER, "SMTP_URL: its parameter timeout"),
        ("smtp://a:geheim/@mail.example", SENDER, "SMTP_URL: "),
        ("smtp://a:geheim@b@mail.example", SENDER, "SMTP_URL: a @ in user or password"),
        ("smtp://mail.example", "sooner", "MAIL_FROM: no address of mail"),
        ("smtp://mail.example", "Sooner <a@b>, Other <c@d>", "MAIL_FROM: no address of mail"),
        ("smtp://mail.example", None, "MAIL_FROM: missing: SMTP_URL is set"),
    ],
)
async def test_a_wrong_setting_is_named_and_never_repeated(
    url: str, sender: str | None, line: str, processes: Processes
) -> None:
    worker = await processes.worker(ready=False, SMTP_URL=url, MAIL_FROM=sender)
    assert await worker.exit() == 78
    assert [said for said in worker.lines if said.startswith(line)]
    assert "geheim" not in worker.output
    if line.startswith("SMTP_URL"):
        web = await processes.web(ready=False, SMTP_URL=url)
        assert await web.exit() == 78
        assert web.lines[0].startswith(line)
        assert "geheim" not in web.output


def test_what_an_actor_says_stays_text() -> None:
    sender = Sender.read('"Sooner" <sooner@example.com>')
    title = "<script>\r\nBcc: eve@example.org\r\n\r\n.\r\nno ä"
    letter = Letter(
        MailAddress.read("a@example.org"),
        "https://x/?a=1&b=2",
        UUID(int=1),
        "fail",
        "error",
        title,
        datetime.now(UTC),
    )

    message = letter.message(sender, UUID(int=2))
    texts: list[Any] = [part.get_content() for part in message.walk() if not part.is_multipart()]

    assert message.as_bytes().isascii()
    assert "\nBcc" not in message.as_string()
    assert "Error: <script> Bcc: eve@example.org . no ä\n" in texts[0]
    assert "<script>" not in texts[1]
    assert '<a href="https://x/?a=1&amp;b=2">' in texts[1]
    assert message["message-id"] == f"<{UUID(int=2)}@example.com>"
