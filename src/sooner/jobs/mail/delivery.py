"""Delivering mail."""

import asyncio
from datetime import datetime
from uuid import UUID

from sooner.db import Queries, Unavailable
from sooner.jobs import worker_resources
from sooner.jobs.context import current
from sooner.jobs.failure import Failure
from sooner.jobs.mail.letter import Letter
from sooner.outgoing.mail_server import MailServer, NotTaken
from sooner.process import logs

log = logs.get(__name__)

SQL = Queries("sooner.jobs.mail", "sql/delivery.sql")


async def deliver(letter: Letter) -> bool:
    """Send a letter, unless an earlier attempt of this delivery has: the result is whether this attempt has.

    Raises Failure where the server did not accept it.
    """
    id = current().id
    if await _sent_at(id) is not None:
        return False
    server = _server()
    try:
        await server.send(letter.message(server.sender, id), str(letter.to))
    except NotTaken as refusal:
        title = "The mail server did not take the mail"
        raise Failure(str(refusal), type="mail-not-taken", title=title, again=not refusal.final) from None
    # Its end may be asked for now: the mark is written all the same.
    await asyncio.shield(asyncio.create_task(_mark(id)))
    return True


def _server() -> MailServer:
    server = worker_resources.mail_server()
    if server is None:
        raise Failure(
            "SMTP_URL is not set for this worker.", type="no-mail-server", title="There is no mail server"
        )
    return server


async def _sent_at(id: UUID) -> datetime | None:
    row = await worker_resources.database().row(SQL.sent_at, id=id)
    return None if row is None else row["sent_at"]


async def _mark(id: UUID) -> None:
    try:
        await worker_resources.database().run(SQL.mark, id=id)
    except Unavailable as error:
        # The job's ending, which is tried until it is written, says the same.
        log.warning("mail sent, but not marked as sent", job=str(id), error=str(error))
