"""A badge: a label and a message as a small SVG picture."""

import re
from unicodedata import east_asian_width
from xml.sax.saxutils import escape

MOST_CHARACTERS = 100
#: The colours have a contrast of 4.5 to white at least (WCAG 2.2, section 1.4.3).
GREY, BLUE, GREEN, RED = "#62666d", "#2446b8", "#1f7a4d", "#b3343c"

_PADDING = 6
#: What XML 1.0 has no way to write, and line ends.
_UNFIT = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\x7f")

_ADVANCES = (
    ("ijl'", 3.0),
    (" .,:;!|ft", 4.1),
    ("rI-()[]/J", 4.9),
    ("ckszvxy", 5.9),
    ("wMW@%#", 9.5),
    ("m", 10.7),
)


def svg(label: str, message: str, colour: str) -> str:
    """The picture; texts that are too long end in an ellipsis."""
    label, message = _fit(label), _fit(message)
    left, right = _width(label), _width(message)
    spoken = escape(": ".join(filter(None, (label, message))), {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{spoken}">'
        f"<title>{spoken}</title>"
        f'<clipPath id="round"><rect width="{left + right}" height="20" rx="4"/></clipPath>'
        f'<g clip-path="url(#round)"><rect width="{left}" height="20" fill="#3f434a"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" xml:space="preserve">'
        f"{_text(label, 0, left)}{_text(message, left, right)}</g></svg>"
    )


def _fit(text: str) -> str:
    text = _UNFIT.sub(" ", text)
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def _text(text: str, start: int, width: int) -> str:
    # A viewer's font may be another: the length keeps the text within its box.
    length = width - 2 * _PADDING
    return f'<text x="{start + _PADDING}" y="14" textLength="{length}">{escape(text)}</text>' if text else ""


def _width(text: str) -> int:
    return round(sum(map(_advance, text))) + 2 * _PADDING if text else 0


def _advance(character: str) -> float:
    """About the width of a character in Verdana of 11 px."""
    if east_asian_width(character) in {"F", "W"}:
        return 11.5
    default = 7.6 if character.isupper() else 6.8
    return next((width for characters, width in _ADVANCES if character in characters), default)
