"""A buyer that OpenTelemetry's SDK records, and a collector that reads with its messages.

Usage: traces.py BASE_URL TOKEN PORT

The node sends its spans to PORT on this machine. Each way of buying must lead to spans of the node
below the buyer's own, in one trace.
"""
import http.server
import json
import sys
import threading
import time

import httpx
from opentelemetry import propagate, trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider

SECONDS_MAX = 30
SPANS = []


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                SPANS.extend(scope.spans)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def rest(client, carrier):
    body = {"capability": "json.echo", "parameters": {}, "reserve": "1000000000000"}
    task = client.post("/v1/tasks", params={"wait": 30}, json=body, headers=carrier).json()
    assert task["phase"] == "settled", task


def a2a(client, carrier):
    part = {"data": {"capability": "json.echo", "parameters": {}}}
    message = {"messageId": carrier["traceparent"], "role": "ROLE_USER", "parts": [part]}
    headers = {"A2A-Version": "1.0", **carrier}
    task = client.post("/a2a/v1/message:send", json={"message": message}, headers=headers).json()
    assert task["task"]["status"]["state"] == "TASK_STATE_COMPLETED", task


def mcp(client, carrier):
    prefix = "io.modelcontextprotocol"
    meta = {
        f"{prefix}/protocolVersion": "2026-07-28",
        f"{prefix}/clientInfo": {"name": "traces", "version": "1"},
        f"{prefix}/clientCapabilities": {},
        **carrier,
    }
    params = {"name": "json.echo", "arguments": {}, "_meta": meta}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "json.echo",
    }
    answer = client.post("/mcp", json=call, headers=headers).json()
    assert "structuredContent" in answer["result"], answer


def wait_for(context):
    """The node's spans in the buyer's trace."""
    number = context.trace_id.to_bytes(16, "big")
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        spans = [span for span in SPANS if span.trace_id == number]
        if spans:
            return spans
        time.sleep(0.1)
    raise AssertionError("the node sent nothing of the trace")


def main(base: str, token: str, port: str) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tracer = TracerProvider().get_tracer("buyer")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=base, headers=headers, timeout=60) as client:
        for buy in (rest, a2a, mcp):
            with tracer.start_as_current_span(f"buy over {buy.__name__}") as span:
                carrier = {}
                propagate.inject(carrier)
                buy(client, carrier)
            context = span.get_span_context()
            spans = wait_for(context)
            whole = [s for s in spans if s.parent_span_id == context.span_id.to_bytes(8, "big")]
            assert [s.name for s in whole] == ["invoke_workflow json.echo"], spans
            below = {s.name for s in spans if s.parent_span_id == whole[0].span_id}
            wanted = {"auction", "agreement", "invoke_agent json-echo", "verification", "settlement"}
            assert below == wanted, below
            assert all(s.status.code == 0 for s in spans), spans
            print(f"{buy.__name__}: {json.dumps(sorted(below))}")
    assert trace.get_current_span() is trace.INVALID_SPAN


main(*sys.argv[1:])
