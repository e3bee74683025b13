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

#: What a process that ends gives its last spans to reach the collector.
FLUSH_SECONDS = 2.0

KINDS = {"server": SpanKind.SERVER, "consumer": SpanKind.CONSUMER, "producer": SpanKind.PRODUCER}

_context = TraceContextTextMapPropagator()

Attributes = Mapping[str, str | int]


class Open:
    """A span under way. `traceparent` makes children of it (W3C Trace Context, section 3.2)."""

    def __init__(self, span: Span) -> None:
        self._span = span
        carrier: dict[str, str] = {}
        _context.inject(carrier, set_span_in_context(span, Context()))
        self.traceparent = carrier["traceparent"]

    def end(self, attributes: Attributes, *, name: str | None = None, error: str | None = None) -> None:
        """It is over: under another name, perhaps, and failed if `error` says with what kind of error."""
        if name is not None:
            self._span.update_name(name)
        self._span.set_attributes({**attributes})
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class Tracing:
    """One process's spans. A collector that is away costs spans, once `OTEL_BSP_MAX_QUEUE_SIZE` wait, and nothing else.

    Where to send, how to sample and what the service is called say the settings `OTEL_*`, which the library reads.
    Raises ValueError for those it cannot work with.
    """

    def __init__(self, process: str, endpoint: str) -> None:
        # The environment's word counts more than ours.
        resource = Resource.create({"service.name": f"sooner-{process}"}).merge(
            OTELResourceDetector().detect()
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self._tracer = self._provider.get_tracer("sooner")

    def begin(
        self, kind: Literal["server", "consumer", "producer"], name: str, parent: Mapping[str, str | None]
    ) -> Open:
        """A span that begins now, below the one of `parent` (`traceparent` and `tracestate`), or a trace's first."""
        carrier = {field: value for field, value in parent.items() if value is not None}
        context = _context.extract(carrier, Context())
        return Open(self._tracer.start_span(name, context, KINDS[kind]))

    def end(self, seconds: float = FLUSH_SECONDS) -> None:
        """Send what is left. Blocks for `seconds` at most, whatever the collector does."""
        # The library's own shutdown would wait for up to half a minute.
        ending = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(seconds)
