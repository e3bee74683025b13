"""Secrets are kept out of log lines, as long as somebody may say them."""

from __future__ import annotations

import threading

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


def test_the_secrets_of_many_ended_attempts_are_kept_up_to_a_number_of_forms() -> None:
    hidden = Hidden()
    for number in range(MOST_FADING + 1):
        hidden.add([f"secret-{number}-", "of all"])
        hidden.fade([f"secret-{number}-", "of all"])
    # "of all" has three forms, whosesoever it is: with %20 or + in place of the space.
    assert hidden.text("secret-3- secret-4- of all") == f"secret-3- {MARK} {MARK}"
    # A long key is hidden after its attempt, too.
    key = "\n".join(f"line {number} of a key" for number in range(MOST_FADING))
    hidden.add([key])
    hidden.fade([key])
    assert hidden.text("line 999 of a key, secret-999-") == f"{MARK}, secret-999-"


class Counted(str):
    """A secret that knows how often its forms were made."""

    __slots__ = ("times",)

    def splitlines(self, keepends: bool = False) -> list[str]:
        """Called each time."""
        self.times = getattr(self, "times", 0) + 1
        return super().splitlines(keepends)


def test_the_forms_of_a_secret_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("sooner.process.logs.redact.time.monotonic", lambda: now)
    hidden, secret = Hidden(), Counted("a secret")
    own = hidden.add([secret])
    assert own == hidden.add([secret])
    assert own[0] == "a%20secret"
    for number in range(3):
        hidden.add([f"another {number}"])
        hidden.fade([f"another {number}"])
    hidden.fade([secret])
    now += 61
    assert hidden.text("a+secret another 0") == f"{MARK} another 0"
    hidden.fade([secret])
    assert hidden.text("a+secret another 0") == f"{MARK} another 0"
    assert secret.times == 1


def test_no_secret_fades_early_where_two_threads_look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now, others = 1000.0, 0

    def monotonic() -> float:
        nonlocal others
        if looking and not others:
            others += 1
            other = threading.Thread(target=hidden.text, args=("",))
            other.start()
            other.join(10)
            assert not other.is_alive()
        return now

    looking = False
    monkeypatch.setattr("sooner.process.logs.redact.time.monotonic", monotonic)
    hidden = Hidden()
    for secret in ("first", "second"):
        hidden.add([secret])
        hidden.fade([secret])
        now += 40
    looking = True
    assert hidden.text("first second") == f"first {MARK}"
    assert hidden.text("first second") == f"first {MARK}"
    assert others == 1


@pytest.mark.parametrize(
    "said",
    [
        "a/b%20%3Cc%3E%20%22d%22",
        "a%2Fb+%3Cc%3E+%22d%22",
        "a%2Fb%20%3Cc%3E%20%22d%22",
        'a/b &lt;c&gt; "d"',
        "a/b &lt;c&gt; &quot;d&quot;",
    ],
)
def test_a_secret_is_hidden_in_addresses_and_in_html(said: str) -> None:
    hidden = Hidden()
    hidden.add(['a/b <c> "d"'])
    assert hidden.text(f"({said})") == f"({MARK})"


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
