"""A real SMTP server of a test: it keeps what it accepts, and answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from typing import TYPE_CHECKING, Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiosmtpd.smtp import Envelope, Session

#: Beside texts of the protocol, an answer to the end of a mail.
DROP, ACCEPT_AND_DROP = "drop", "accept and drop"


@dataclass(frozen=True)
class Mail:
    """One accepted mail."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    over_tls: bool

    def part(self, subtype: str) -> str:
        """The text of its part of a type."""
        body = self.message.get_body((subtype,))
        assert body is not None
        return str(body.get_content()).replace("\r\n", "\n")


@dataclass
class MailBox:
    """`to_recipient` and `to_data` are answers used up one a mail, then all is accepted. `login` is what AUTH takes."""

    port: int = 0
    accepted: list[Mail] = field(default_factory=list)
    to_recipient: list[str] = field(default_factory=list)
    to_data: list[str] = field(default_factory=list)
    login: tuple[str, str] | None = None
    tries: int = 0
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        """Its address."""
        return f"smtp://localhost:{self.port}"

    async def mails(self, count: int) -> list[Mail]:
        """All that it accepted, once that are `count`. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.accepted) >= count)
        return self.accepted

    async def tried(self, count: int) -> None:
        """Wait until so many mails were begun. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: self.tries >= count)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer to a recipient."""
        async with self._news:
            self.tries += 1
            self._news.notify_all()
        if self.to_recipient:
            return self.to_recipient.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer to the end of a mail."""
        answer = self.to_data.pop(0) if self.to_data else "250 OK"
        if answer.startswith(("2", ACCEPT_AND_DROP)):
            content = cast("bytes", envelope.content)
            message = cast("EmailMessage", message_from_bytes(content, policy=cast("Any", SMTPUTF8)))
            mail = Mail(str(envelope.mail_from), envelope.rcpt_tos, message, over_tls=session.ssl is not None)
            async with self._news:
                self.accepted.append(mail)
                self._news.notify_all()
        if answer in (DROP, ACCEPT_AND_DROP):
            cast("asyncio.Transport", server.transport).abort()
        return answer

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, kind: str, data: Any
    ) -> AuthResult:
        """Whether the login is right."""
        said = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode())
        return AuthResult(success=said == self.login, handled=False)


@contextlib.asynccontextmanager
async def mail_box(**options: Any) -> AsyncIterator[MailBox]:
    """A mail server on this machine; `options` are those of aiosmtpd, `ssl` is for TLS from the first byte."""
    box, tls = MailBox(), options.pop("ssl", None)
    if options.get("auth_required"):
        options |= {"authenticator": box.authenticate}
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, hostname="mail.test", enable_SMTPUTF8=True, **options), "localhost", 0, ssl=tls
    )
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        async with asyncio.timeout(PATIENCE):
            await server.wait_closed()
