"""A little OTLP/HTTP collector: takes spans as a real one would, and keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Collected:
    """What a collector was sent.

    Attributes:
        endpoint: its address.
        spans: spans as their protobuf messages, in the order of arrival.
        resources: attributes of each request's resource.
        fields: names of the fields of each request, in lower case.
        status: what it answers.
        arrived: set with each request.
    """

    endpoint: str = ""
    spans: list[Any] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    fields: list[set[str]] = field(default_factory=list)
    status: int = 200
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        """Take one delivery."""
        self.fields.append({name.lower() for name in request.headers})
        message = ExportTraceServiceRequest.FromString(await request.read())
        for resource in message.resource_spans:
            self.resources.append({one.key: one.value.string_value for one in resource.resource.attributes})
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        self.arrived.set()
        return web.Response(status=self.status, content_type="application/x-protobuf")


@asynccontextmanager
async def collecting(tls: Any = None, path: str = "/v1/traces") -> AsyncIterator[Collected]:
    """Run a collector on a port of its own."""
    collected = Collected()
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_post(path, collected.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    collected.endpoint = f"{'https' if tls else 'http'}://localhost:{port}{path}"
    try:
        yield collected
    finally:
        await runner.cleanup()


def attributes(span: Any) -> dict[str, str | int]:
    """Give the attributes of a span as plain values."""
    return {
        one.key: one.value.int_value if one.value.HasField("int_value") else one.value.string_value
        for one in span.attributes
    }
