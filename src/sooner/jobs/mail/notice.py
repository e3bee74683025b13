"""Notices: what a client asks for with `notify=mailto:…`, and what the job's row keeps of it."""

import re
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import unquote
from uuid import UUID

from sooner.db import Database, Queries
from sooner.jobs import codec
from sooner.process.mail_address import MailAddress

SQL = Queries("sooner.jobs.mail", "sql/notice.sql")

#: The notices of one job.
MOST = 20

#: A notice's address is good while the job is there: the job itself expires, and then it is answered 410.
WHILE_IT_IS_THERE = datetime(9999, 1, 1, tzinfo=UTC)

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Notice(NamedTuple):
    """One mail to send at the job's end; `url` is the job's own signed address."""

    to: MailAddress
    url: str

    @property
    def row(self) -> str:
        """The notice as the column `notify` has it: an array in JSON."""
        return codec.dumps([{"to": str(self.to), "url": self.url}])


def read_mailto(text: str) -> MailAddress:
    """The only address of a `mailto:` URI (RFC 6068). Raises ValueError, which says why it is none."""
    scheme, colon, rest = text.partition(":")
    if scheme.lower() != "mailto" or not colon or rest.startswith("//"):
        raise ValueError("notify is mailto:ADDRESS, such as mailto:someone@example.org")
    if "?" in rest:
        raise ValueError("notify takes an address and nothing else: leave out what follows the question mark")
    if rest.startswith(" "):
        raise ValueError("notify begins with a space, or with a plus sign that is to be written %2B")
    # A plus sign that was not escaped in the query arrives as a space.
    address = _unescaped(rest.replace(" ", "+"))
    if "," in address or ";" in address:
        raise ValueError("notify takes one address")
    try:
        return MailAddress.read(address)
    except ValueError as error:
        raise ValueError(f"notify: {error}") from None


def _unescaped(text: str) -> str:
    try:
        if not _BROKEN_ESCAPE.search(text):
            return unquote(text, errors="strict")
    except UnicodeDecodeError:
        pass
    raise ValueError("notify: a % in an address is to be written %25")


class Notices:
    """Adds notices to jobs that are there already."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, job: UUID, notice: Notice) -> None:
        """Send a mail at the end of this job, too, unless it has ended or mails the address anyway. Raises Unavailable."""
        await self._database.run(SQL.add, id=job, to=str(notice.to), notice=notice.row, most=MOST)
