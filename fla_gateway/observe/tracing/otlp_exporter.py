"""Adapter: spans on their way to an OTLP/HTTP collector, through OpenTelemetry's exporter.

Owns what the library may do: send to one address, with the fields named here, over TLS as it was given. Refuses
everything that the library would take from the environment. The one module that imports opentelemetry; it is read
only where [tracing] is configured.
"""

from __future__ import annotations

import logging
import ssl
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from requests.adapters import HTTPAdapter

from fla_gateway import __version__
from fla_gateway.observe.tracing.spans import Span

# OTEL_EXPORTER_OTLP_HEADERS could add others.
_FIELDS: Final = frozenset({"content-type", "content-encoding", "content-length", "user-agent"})
_KINDS: Final = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}
_SCOPE: Final = InstrumentationScope("fla_gateway", __version__)
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class Collector:
    """A collector that takes spans. Used by one thread; `close` may be called by another.

    Args:
        endpoint: its address, with path.
        tls: context for an https address, of its own: urllib3 adds roots to it.
        seconds: how long a delivery may take, with all its attempts.
    """

    def __init__(self, endpoint: str, tls: ssl.SSLContext | None, seconds: float) -> None:
        # Its messages would go to standard error as they are, past the log's format; `send` returns the result.
        for name in ("opentelemetry", "urllib3", "requests"):
            logging.getLogger(name).addHandler(logging.NullHandler())
            logging.getLogger(name).propagate = False
        session = requests.Session()
        # No proxies, no netrc, no REQUESTS_CA_BUNDLE.
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Way(tls))
        self._exporter = OTLPSpanExporter(
            endpoint=endpoint, headers={}, timeout=seconds, compression=Compression.NoCompression, session=session
        )
        # Not Resource.create, which asks the environment and the machine.
        self._resource = Resource(
            {
                "service.name": "fla-gateway",
                "service.version": __version__,
                "service.instance.id": str(uuid.uuid4()),
            }
        )

    def send(self, spans: Sequence[Span]) -> bool:
        """Deliver spans; return whether the collector took them."""
        return self._exporter.export([self._readable(span) for span in spans]) is SpanExportResult.SUCCESS

    def close(self) -> None:
        """Give up on what is being delivered."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the library's own signature

    def _readable(self, span: Span) -> ReadableSpan:
        parent = None
        if span.parent is not None:
            parent = SpanContext(span.trace, span.parent, is_remote=span.remote, trace_flags=_SAMPLED)
        return ReadableSpan(
            name=span.name,
            context=SpanContext(span.trace, span.span, is_remote=False, trace_flags=_SAMPLED),
            parent=parent,
            resource=self._resource,
            attributes=span.attributes,
            kind=_KINDS[span.kind],
            instrumentation_scope=_SCOPE,
            status=Status(StatusCode.ERROR if span.error else StatusCode.UNSET),
            start_time=span.start,
            end_time=span.end,
        )


class _Way(HTTPAdapter):
    """Sends what the exporter gives, but decides about fields, proxies and TLS itself."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        if self._tls is not None:
            options["ssl_context"] = self._tls
        super().init_poolmanager(*arguments, **options)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - as the library has it
        timeout: Any = None,
        verify: Any = True,  # noqa: ARG002, FBT002 - OTEL_EXPORTER_OTLP_CERTIFICATE would be here
        cert: Any = None,  # noqa: ARG002 - OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE would be here
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002 - there are none
    ) -> requests.Response:
        for name in [name for name in request.headers if name.lower() not in _FIELDS]:
            del request.headers[name]
        return super().send(request, stream=stream, timeout=timeout, verify=True, cert=None, proxies=None)
