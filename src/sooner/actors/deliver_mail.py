from uuid import UUID

from pydantic import AwareDatetime
from typing_extensions import TypedDict

from sooner.actors.deliver_webhook import PAUSES, WAIT
from sooner.jobs import job
from sooner.jobs.mail.letter import EndState, Letter
from sooner.process.mail_address import MailAddress


class Mailed(TypedDict):
    """`sent` is false where an earlier attempt has sent the mail."""

    sent: bool


@job(internal=True, queue="mail", retries=len(PAUSES), time_limit=900, wait=WAIT)
async def deliver_mail(
    to: str,
    url: str,
    job: UUID,
    actor: str,
    state: EndState,
    ended_at: AwareDatetime,
    title: str | None = None,
) -> Mailed:
    """Sends the mail that was asked for at a job's end; failed deliveries are tried again as webhooks' are."""
    # It imports aiosmtplib and httpx, which web, where actors are only declared, does not need.
    from sooner.jobs.mail.delivery import deliver

    letter = Letter(MailAddress.read(to), url, job, actor, state, title, ended_at)
    return {"sent": await deliver(letter)}
