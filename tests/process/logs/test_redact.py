"""Secrets are kept out of log lines, as long as somebody may say them."""

from __future__ import annotations

import pytest

from sooner.process.logs.redact import MARK, MOST_FADING, Hidden


def test_a_secret_is_hidden_a_while_after_its_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("sooner.process.logs.redact.time.monotonic", lambda: now)
    hidden = Hidden()
    hidden.add(["sesame"])
    hidden.add(["sesame"])
    hidden.fade(["sesame"])
    assert hidden.text("open sesame") == f"open {MARK}"
    now += 61
    # The other attempt runs on.
    assert hidden.text("open sesame") == f"open {MARK}"
    hidden.fade(["sesame"])
    assert hidden.text("open sesame") == f"open {MARK}"
    now += 61
    assert hidden.text("open sesame") == "open sesame"


def test_the_secrets_of_few_ended_attempts_are_kept() -> None:
    hidden = Hidden()
    for number in range(MOST_FADING + 1):
        hidden.add([f"secret-{number}-"])
        hidden.fade([f"secret-{number}-"])
    assert hidden.text("secret-0- secret-1-") == f"secret-0- {MARK}"


@pytest.mark.parametrize("said", [str, repr, ascii, lambda secret: repr(secret.encode())])
def test_each_line_of_a_secret_is_hidden_however_it_is_spelt(said: object) -> None:
    hidden = Hidden()
    lines = ["first 'line' of ü", 'the "second" <line>', "short"]
    hidden.add(["\r\n".join(lines)])
    assert callable(said)
    for line in lines[:2]:
        assert line.split()[0] not in hidden.text(said(line))
    # Fewer characters are in many lines that are no secret.
    assert hidden.text("short") == "short"
