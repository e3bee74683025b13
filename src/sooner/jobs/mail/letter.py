"""The letter that tells of a job's end."""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import Literal, NamedTuple
from uuid import UUID

from sooner.process.mail_address import MailAddress, Sender

#: An address stays in one piece; what is beyond ASCII is encoded, as not every server takes eight bits.
PLAIN = SMTP.clone(max_line_length=990, cte_type="7bit")

EndState = Literal["done", "error", "cancelled"]

SAID: dict[str, str] = {"done": "is done", "error": "has failed", "cancelled": "was cancelled"}


class Letter(NamedTuple):
    """What one mail says: `title` is the error's."""

    to: MailAddress
    url: str
    job: UUID
    actor: str
    state: EndState
    title: str | None
    ended_at: datetime

    def message(self, sender: Sender, id: UUID) -> EmailMessage:
        """The mail, the same for each attempt at the delivery `id`, so that a receiver recognises a repetition."""
        message = EmailMessage(policy=PLAIN)
        message["From"] = Address(sender.name, sender.address.local, sender.address.domain)
        message["To"] = Address("", self.to.local, self.to.domain)
        message["Subject"] = self._subject
        message["Date"] = self.ended_at
        message["Message-ID"] = f"<{id}@{sender.address.domain}>"
        # No holiday's note shall answer (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._text)
        message.add_alternative(self._html, subtype="html")
        message.set_boundary(f"={id.hex}=")
        return message

    @property
    def _subject(self) -> str:
        return f"{self.actor} {SAID[self.state]}"

    @property
    def _facts(self) -> list[tuple[str, str]]:
        title = [] if self.title is None else [("Error", " ".join(self.title.split()))]
        ended = f"{self.ended_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return [("Job", str(self.job)), ("State", self.state), *title, ("Ended", ended)]

    @property
    def _text(self) -> str:
        facts = "".join(f"{name}: {value}\n" for name, value in self._facts)
        return f"{self._subject}.\n\n{facts}\n{self.url}\n"

    @property
    def _html(self) -> str:
        facts = "".join(f"<tr><td>{name}</td><td>{escape(value)}</td></tr>" for name, value in self._facts)
        link = f'<p><a href="{escape(self.url)}">{escape(self.url)}</a></p>'
        return (
            f'<!doctype html><html lang="en"><body><p>{escape(self._subject)}.</p>'
            f"<table>{facts}</table>{link}</body></html>\n"
        )
