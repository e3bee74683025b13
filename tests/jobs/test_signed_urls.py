"""What is signed: addresses of jobs and operators' sessions, with one database and with several."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sooner.jobs.following.signed_urls import Hint, SignedUrls
from sooner.jobs.tenants.locator import locator
from sooner.jobs.tenants.sessions import LIFETIME, Session, Sessions

KEYS = ["a key that is long enough for signed links"]
ID = UUID("0198d5f0-5b7e-7c3a-8c1d-2f6a9b3c4d5e")
END = datetime(2026, 11, 27, tzinfo=UTC)
BEFORE = END - timedelta(seconds=1)


def test_one_database_signs_as_ever() -> None:
    alone = SignedUrls(KEYS)

    assert alone.sign(ID, "acme", END) == "6b08c800.e099942d35e3415ee242ad9dd729d8ed"
    assert alone.read(ID, "6b08c800.e099942d35e3415ee242ad9dd729d8ed", BEFORE) == Hint()
    assert Sessions(KEYS).issue(ID, END)[0] == (
        "0198d5f05b7e7c3a8c1d2f6a9b3c4d5e.6b0970c0.-ZQf6fKM3Zt_lT20pozfpDf7bo1DrwYZ"
    )


def test_an_address_says_where_its_job_is() -> None:
    of_b = SignedUrls(KEYS, "b")

    assert SignedUrls(KEYS).read(ID, of_b.sign(ID, "acme", END), BEFORE) == Hint("b", locator("acme"))
    assert SignedUrls(KEYS).read(ID, of_b.sign(ID, None, END), BEFORE) == Hint("b", "")
    assert SignedUrls(KEYS).read(ID, of_b.sign(ID, "acme", END), END) is None
    assert SignedUrls(KEYS).read(UUID(int=1), of_b.sign(ID, "acme", END), BEFORE) is None


def test_a_session_says_whose_key_it_is() -> None:
    signed, ends = Sessions(KEYS).issue(ID, END, locator("ops"))

    assert Sessions(KEYS).read(signed, END) == Session(ID, locator("ops"))
    assert Sessions(KEYS).read(signed, ends) is None
    assert Sessions(KEYS).read(signed.replace(locator("ops"), locator("acme")), END) is None
    assert Sessions(KEYS).read(Sessions(KEYS).issue(ID, END)[0], END) == Session(ID)
    assert ends == END + LIFETIME
