"""An OpenTelemetry collector of a test: OTLP over HTTP, as the protocol's own definitions read it."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.support.processes import PATIENCE
from tests.support.sites import Exchange, site

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue


@dataclass(frozen=True)
class Told:
    """A span that arrived. Ids are in hex, as in a traceparent; `service` is its process's name."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    failed: bool
    attributes: dict[str, str | int]


@dataclass
class Collector:
    """`bodies` are the requests as they came."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    _spans: list[Told] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def settings(self, **more: str) -> dict[str, Any]:
        """What sends a process's spans here, soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "50", **more}

    def take(self, exchange: Exchange) -> None:
        """Answer one request."""
        body = exchange.rfile.read(int(exchange.headers["Content-Length"]))
        assert exchange.path == "/v1/traces"
        assert exchange.headers["Content-Type"] == "application/x-protobuf"
        with self._news:
            self.bodies.append(body)
            self._spans += _read(ExportTraceServiceRequest.FromString(body))
            self._news.notify_all()
        exchange.answer(
            200, ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )

    def spans(self, name: str, count: int = 1) -> list[Told]:
        """The spans of a name in the order of their beginning, once that are `count`. Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while len(found := [span for span in self._spans if span.name == name]) < count:
                if not self._news.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"{len(found)} of {count} spans {name!r} in {self._spans}")
            return found


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on this machine."""
    collector = Collector()
    with site(collector.take) as running:
        collector.url = running.url
        yield collector


def _read(request: ExportTraceServiceRequest) -> Iterator[Told]:
    for process in request.resource_spans:
        service = str(_attributes(process.resource.attributes)["service.name"])
        for scope in process.scope_spans:
            for span in scope.spans:
                yield Told(
                    service=service,
                    name=span.name,
                    kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    failed=span.status.code == Status.STATUS_CODE_ERROR,
                    attributes=_attributes(span.attributes),
                )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, str | int]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in pairs}
