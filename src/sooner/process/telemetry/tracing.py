"""Spans (OpenTelemetry specification, Tracing SDK), sent in batches from a thread of their own."""

import threading
from collections.abc import Mapping
from typing import Literal

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

#: The seconds that an ending process gives its last spans to reach the collector.
FLUSH_SECONDS = 2.0

KINDS = {"server": SpanKind.SERVER, "consumer": SpanKind.CONSUMER, "producer": SpanKind.PRODUCER}

_context = TraceContextTextMapPropagator()

Attributes = Mapping[str, str | int]


class Open:
    """An open span. Its children carry its `traceparent` (W3C Trace Context, section 3.2)."""

    def __init__(self, span: Span) -> None:
        self._span = span
        carrier: dict[str, str] = {}
        _context.inject(carrier, set_span_in_context(span, Context()))
        self.traceparent = carrier["traceparent"]

    def end(self, attributes: Attributes, *, name: str | None = None, error: str | None = None) -> None:
        """End the span, with another `name` where one is given, and as failed where `error` is its type."""
        if name is not None:
            self._span.update_name(name)
        self._span.set_attributes({**attributes})
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class Tracing:
    """Makes the spans of a process. While the collector is away, spans beyond `OTEL_BSP_MAX_QUEUE_SIZE` are lost, nothing else.

    The library reads the collector's address, the sampling and the service's name from the settings `OTEL_*`.
    Raises ValueError for settings that it does not accept.
    """

    def __init__(self, process: str, endpoint: str) -> None:
        # The environment takes precedence over our default.
        resource = Resource.create({"service.name": f"sooner-{process}"}).merge(
            OTELResourceDetector().detect()
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self._tracer = self._provider.get_tracer("sooner")

    def begin(
        self, kind: Literal["server", "consumer", "producer"], name: str, parent: Mapping[str, str | None]
    ) -> Open:
        """Begin a span: a child of `parent` (`traceparent` and `tracestate`), or the first span of a trace."""
        carrier = {field: value for field, value in parent.items() if value is not None}
        context = _context.extract(carrier, Context())
        return Open(self._tracer.start_span(name, context, KINDS[kind]))

    def end(self, seconds: float = FLUSH_SECONDS) -> None:
        """Send the remaining spans. Blocks for at most `seconds`, whatever the collector does."""
        # The library's own shutdown would wait for up to half a minute.
        ending = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(seconds)
