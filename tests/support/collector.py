"""An OpenTelemetry collector of a test: OTLP over HTTP, as the protocol's own definitions read it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import subprocess
import sysconfig
import threading
import time
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from sooner.local.ports import free_port
from tests.support.missing import missing
from tests.support.processes import PATIENCE
from tests.support.sites import Exchange, site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

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
        if exchange.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
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


@contextlib.asynccontextmanager
async def relaying(collector: Collector) -> AsyncIterator[Collector]:
    """A released collector (Rotel), which receives, batches, and hands on to ours: its `url` is Rotel's, its spans are ours."""
    http, grpc = (f"127.0.0.1:{free_port()}" for _ in range(2))
    process = await asyncio.create_subprocess_exec(
        _rotel(), "start", "--otlp-http-endpoint", http, "--otlp-grpc-endpoint", grpc,
        "--exporter", "otlp", "--otlp-exporter-endpoint", collector.url, "--otlp-exporter-protocol", "http",
        env=_with_libpython(), stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            while not await _listens(http):
                assert process.returncode is None, f"the collector ended with {process.returncode}"
                await asyncio.sleep(0.05)
        yield replace(collector, url=f"http://{http}")
    finally:
        process.kill()
        await process.wait()


def _rotel() -> str:
    spec = find_spec("rotel")
    program = Path(spec.origin).with_name("rotel-agent") if spec and spec.origin else None
    if (
        program is None
        or subprocess.run([program, "--version"], env=_with_libpython(), check=False).returncode
    ):
        missing("Rotel does not run on this machine: it needs Linux and Python's shared library.")
    return str(program)


def _with_libpython() -> dict[str, str]:
    """Rotel is linked with Python's shared library, which need not be where the system looks."""
    return os.environ | {"LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR"))}


async def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


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
