"""Mail to the server that the deployment names."""

import asyncio
import contextlib
import ssl
from email.message import EmailMessage
from functools import cached_property
from typing import TYPE_CHECKING, cast

import aiosmtplib
import httpx

from sooner.process.mail_address import Sender
from sooner.process.settings.smtp import SmtpServer

if TYPE_CHECKING:
    from email.policy import EmailPolicy

SECONDS = 30.0
#: A server that works on a mail before it accepts it shall not get the mail twice (RFC 5321, section 4.5.3.2.6).
DATA_SECONDS = 600.0
PARTING_SECONDS = 5.0


class NotTaken(Exception):
    """The server did not accept the mail, or did not say so. `final`: it says that it never will."""

    def __init__(self, detail: str, *, final: bool = False) -> None:
        super().__init__(detail)
        self.final = final


class MailServer:
    """Hands mail to one SMTP server, a connection each. A deployment's own server may be at a private address."""

    def __init__(self, server: SmtpServer, sender: Sender) -> None:
        self.sender = sender
        self._server = server
        self._partings: set[asyncio.Task[None]] = set()

    async def send(self, message: EmailMessage, to: str) -> None:
        """Hand a message over to the server; it returns as soon as the server has accepted it. Raises NotTaken."""
        client = self._client()
        try:
            await client.connect()
            await self._hand_over(client, message, to)
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise _not_taken(error) from None
        except BaseException:
            client.close()
            raise
        # The caller notes first that the mail is sent.
        parting = asyncio.create_task(_part(client))
        self._partings.add(parting)
        parting.add_done_callback(self._partings.discard)

    async def _hand_over(self, client: aiosmtplib.SMTP, message: EmailMessage, to: str) -> None:
        sender = str(self.sender.address)
        is_international = not (to.isascii() and sender.isascii())
        options = ["SMTPUTF8", "BODY=8BITMIME"] if is_international else []
        policy = cast("EmailPolicy", message.policy).clone(utf8=is_international)
        try:
            await client.sendmail(
                sender, to, message.as_bytes(policy=policy), mail_options=options, timeout=DATA_SECONDS
            )
        except aiosmtplib.SMTPNotSupported:
            detail = "The mail server takes no addresses beyond ASCII (SMTPUTF8)."
            raise NotTaken(detail, final=True) from None

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.tls,
            tls_context=self._tls,
            local_hostname=self.sender.address.domain,
            timeout=SECONDS,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The TLS context, made once, as `Network` has it: SSL_CERT_FILE names other authorities."""
        return httpx.create_ssl_context()


async def _part(client: aiosmtplib.SMTP) -> None:
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=PARTING_SECONDS)
    client.close()


def _not_taken(error: aiosmtplib.SMTPException | OSError) -> NotTaken:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        # A login that is refused is the operator's to mend.
        final = error.code >= 500 and not isinstance(error, aiosmtplib.SMTPAuthenticationError)
        return NotTaken(
            f"The mail server answered {error.code}: {' '.join(error.message.split())}", final=final
        )
    return NotTaken(f"The mail server did not take the mail: {str(error) or type(error).__name__}")
