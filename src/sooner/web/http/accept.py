"""The media type that a client prefers (RFC 9110, section 12.5.1)."""

from collections.abc import Iterable, Sequence

EVENTS = "text/event-stream"
JSON = "application/json"
NDJSON = "application/x-ndjson"
PLAIN = "text/plain"


def preferred(fields: Iterable[str], offers: Sequence[str]) -> str:
    """The offer that Accept names with the greatest weight; the first one where it names none."""
    weights = dict(map(_range, ",".join(fields).lower().split(",")))
    best = max(offers, key=lambda offer: weights.get(offer, 0.0))
    return best if weights.get(best, 0.0) > weights.get("*/*", 0.0) or weights.get(best) else offers[0]


def prefers_events(fields: Iterable[str]) -> bool:
    """Whether Accept prefers an event stream to JSON."""
    text = ",".join(fields).lower()
    if EVENTS not in text:
        return False
    weights = dict(map(_range, text.split(",")))
    return weights.get(EVENTS, 0) > weights.get("application/json", 0)


def _range(text: str) -> tuple[str, float]:
    kind, *parameters = [part.strip() for part in text.split(";")]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return kind, _weight(value.strip())
    return kind, 1.0


def _weight(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
