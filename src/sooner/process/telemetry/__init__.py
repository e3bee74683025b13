"""Spans for an OpenTelemetry collector, sent by OTLP over HTTP.

Where spans are off, which is the default, opentelemetry is not imported and `begin` returns None.
"""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sooner.process.telemetry.tracing import Tracing


def begin(process: str, endpoint: str | None) -> "Tracing | None":
    """The Tracing of this process (web, worker or scheduler), which sends to a collector; None without an endpoint.

    Raises SystemExit(78) for a wrong OTEL_* setting.
    """
    if endpoint is None:
        return None
    try:
        # The library reads some of its settings while it is imported.
        from sooner.process.telemetry.tracing import Tracing

        return Tracing(process, endpoint)
    except ValueError as error:
        # The library reads the rest of its settings itself; its messages name no header.
        sys.stderr.write(f"OTEL_*: {error}\n")
        raise SystemExit(os.EX_CONFIG) from None
