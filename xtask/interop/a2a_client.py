"""The official A2A SDK for Python hires over every interface that the card names.

Usage: a2a_client.py BASE_URL TOKEN [--capability NAME] [--slow NAME] [--conformance] [--key KID=X]

--capability  answers with its parameters (default json.echo)
--slow        works until it is cancelled; without it cancelling and
              subscribing are only tried on a task that has ended
--conformance the server answers with its fixtures instead of the market
--key         checks the card's signature with this Ed25519 key (base64url)

Needs a2a-sdk, httpx, grpcio for gRPC and, for --key, PyJWT with cryptography. One line for each
step.
"""
import argparse
import asyncio
import sys
import uuid

import grpc
import httpx

from a2a.client.card_resolver import A2ACardResolver
from a2a.client.client import ClientConfig
from a2a.client.client_factory import ClientFactory
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import (
    PushNotificationNotSupportedError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from google.protobuf.json_format import ParseDict

SAID = {"say": "hi", "count": 2}


def with_token(details, token):
    metadata = list(details.metadata or []) + [("authorization", f"Bearer {token}")]
    return details._replace(metadata=metadata)


class Unary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, token):
        self.token = token

    async def intercept_unary_unary(self, proceed, details, request):
        return await proceed(with_token(details, self.token), request)


class Streamed(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, token):
        self.token = token

    async def intercept_unary_stream(self, proceed, details, request):
        return await proceed(with_token(details, self.token), request)


class Interface:
    """One interface of the card, through one client of the SDK."""

    def __init__(self, options, card, interface):
        self.options = options
        self.version = interface.protocol_version
        self.name = f"{interface.protocol_binding} {self.version}"
        self.card = pb.AgentCard()
        self.card.CopyFrom(card)
        del self.card.supported_interfaces[:]
        self.card.supported_interfaces.append(interface)
        self.run = uuid.uuid4().hex[:8]

    def client(self, streaming):
        http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self.options.token}"}, timeout=30
        )
        config = ClientConfig(
            streaming=streaming,
            httpx_client=http,
            supported_protocol_bindings=["JSONRPC", "HTTP+JSON", "GRPC"],
            grpc_channel_factory=self.channel,
        )
        return ClientFactory(config).create(self.card)

    def channel(self, url):
        """A channel that shows the token, which gRPC itself only does over TLS."""
        token = self.options.token
        return grpc.aio.insecure_channel(url, interceptors=[Unary(token), Streamed(token)])

    def message(self, name, slow=False, wait=True):
        if self.options.conformance:
            prefix = "test-resubscribe-message-id" if slow else "tck-stream-001"
            name = f"{prefix}-{name}"
        capability = self.options.slow if slow else self.options.capability
        request = {
            "message": {
                "messageId": f"{name}-{self.run}-{self.name}".replace(" ", ""),
                "role": "ROLE_USER",
                "parts": [{"data": {"capability": capability, "parameters": SAID}}],
            },
            "configuration": {"returnImmediately": not wait},
        }
        return ParseDict(request, pb.SendMessageRequest())

    def step(self, what):
        print(f"{self.name}: {what}")

    def check_artifact(self, artifacts):
        assert len(artifacts) == 1, artifacts
        part = artifacts[0].parts[0]
        if self.options.conformance:
            assert part.text == "Stream hello from TCK", part
        else:
            fields = part.data.struct_value.fields
            assert fields["say"].string_value == "hi", part
            assert fields["count"].number_value == 2, part

    async def try_all(self):
        polite, lively = self.client(False), self.client(True)
        task = await self.send(polite)
        await self.repeat(polite, task)
        await self.stream(lively)
        got = await polite.get_task(pb.GetTaskRequest(id=task.id, history_length=1))
        assert got.status.state == pb.TASK_STATE_COMPLETED, got
        assert len(got.history) == 1, got
        self.check_artifact(got.artifacts)
        self.step("a task is got")
        await self.list(polite, task)
        await self.refusals(polite, lively, task)
        if self.options.slow or self.options.conformance:
            await self.cancel(polite)
            await self.resubscribe(polite, lively)
        card = await polite.get_extended_agent_card(pb.GetExtendedAgentCardRequest())
        assert card.name == self.card.name, card
        self.step("the extended card is shown")

    async def send(self, client):
        [answer] = [answer async for answer in client.send_message(self.message("send"))]
        task = answer.task
        assert task.status.state == pb.TASK_STATE_COMPLETED, answer
        assert task.context_id, answer
        self.check_artifact(task.artifacts)
        self.step("a message is answered with its output")
        return task

    async def repeat(self, client, task):
        if self.options.conformance:
            return
        [answer] = [answer async for answer in client.send_message(self.message("send"))]
        assert answer.task.id == task.id, answer
        assert answer.task.context_id == task.context_id, answer
        self.step("a repeated message finds its task")

    async def stream(self, client):
        events = [event async for event in client.send_message(self.message("stream"))]
        kinds = [event.WhichOneof("payload") for event in events]
        assert kinds[0] == "task" and kinds[-1] == "status_update", kinds
        assert "artifact_update" in kinds, kinds
        assert events[-1].status_update.status.state == pb.TASK_STATE_COMPLETED, events
        updates = [event.artifact_update for event in events if event.HasField("artifact_update")]
        self.check_artifact([update.artifact for update in updates])
        self.step(f"a stream tells {len(events)} events to the end")

    async def list(self, client, task):
        if self.version != "1.0":
            return
        listed = await client.list_tasks(pb.ListTasksRequest(context_id=task.context_id))
        assert [found.id for found in listed.tasks] == [task.id], listed
        assert not listed.tasks[0].artifacts, listed
        request = pb.ListTasksRequest(page_size=1, include_artifacts=True)
        page = await client.list_tasks(request)
        assert len(page.tasks) == 1 and page.total_size >= 2 and page.next_page_token, page
        request.page_token = page.next_page_token
        other = await client.list_tasks(request)
        assert other.tasks[0].id != page.tasks[0].id, other
        self.step("tasks are listed in pages")

    async def refusals(self, polite, lively, task):
        missing = pb.GetTaskRequest(id="nobody")
        await expect(TaskNotFoundError, polite.get_task(missing))
        await expect(TaskNotCancelableError, polite.cancel_task(pb.CancelTaskRequest(id=task.id)))
        ended = lively.subscribe(pb.SubscribeToTaskRequest(id=task.id))
        await expect(UnsupportedOperationError, anext(ended))
        if not self.card.capabilities.push_notifications:
            config = pb.TaskPushNotificationConfig(task_id=task.id, url="https://x.example")
            push = polite.create_task_push_notification_config(config)
            await expect(PushNotificationNotSupportedError, push)
        self.step("refusals are the errors that the SDK knows")

    async def start(self, client, name):
        request = self.message(name, slow=True, wait=False)
        [answer] = [answer async for answer in client.send_message(request)]
        assert answer.task.status.state in (pb.TASK_STATE_SUBMITTED, pb.TASK_STATE_WORKING), answer
        return answer.task.id

    async def cancel(self, client):
        task = await self.start(client, "cancel")
        cancelled = await client.cancel_task(pb.CancelTaskRequest(id=task))
        assert cancelled.status.state == pb.TASK_STATE_CANCELED, cancelled
        self.step("a running task is cancelled")

    async def resubscribe(self, polite, lively):
        task = await self.start(polite, "resubscribe")
        for again in (False, True):
            stream = lively.subscribe(pb.SubscribeToTaskRequest(id=task))
            first = await anext(stream)
            assert first.task.id == task, first
            if not again:
                await stream.aclose()
        if not self.options.conformance:
            await polite.cancel_task(pb.CancelTaskRequest(id=task))
        states = [event.status_update.status.state async for event in stream]
        ended = pb.TASK_STATE_COMPLETED if self.options.conformance else pb.TASK_STATE_CANCELED
        assert states[-1] == ended, states
        self.step("a lost stream is taken up again and told to the end")


async def expect(error, asked):
    try:
        answer = await asked
    except error:
        return
    raise AssertionError(f"{error.__name__} was expected instead of {answer}")


def verifier(key):
    from a2a.utils.signing import create_signature_verifier
    from jwt.api_jwk import PyJWK

    name, x = key.split("=", 1)
    jwk = PyJWK({"kty": "OKP", "crv": "Ed25519", "x": x}, algorithm="EdDSA")

    def provide(kid, jku):
        assert kid == name, kid
        return jwk

    return create_signature_verifier(provide, ["EdDSA"])


async def main(options):
    async with httpx.AsyncClient() as http:
        resolver = A2ACardResolver(http, options.base_url)
        verify = verifier(options.key) if options.key else None
        card = await resolver.get_agent_card(signature_verifier=verify)
        print(f"card: {card.name}, {len(card.skills)} skills" + (", signed" if verify else ""))
        old = await resolver.get_agent_card("/.well-known/agent.json")
        versions = {interface.protocol_version for interface in old.supported_interfaces}
        assert versions == {"0.3.0"}, versions
        print("card: the form of 0.3 is read too")
    for interface in card.supported_interfaces:
        if interface.protocol_binding in ("JSONRPC", "HTTP+JSON", "GRPC"):
            await Interface(options, card, interface).try_all()


parser = argparse.ArgumentParser()
parser.add_argument("base_url")
parser.add_argument("token")
parser.add_argument("--capability", default="json.echo")
parser.add_argument("--slow")
parser.add_argument("--conformance", action="store_true")
parser.add_argument("--key")
asyncio.run(main(parser.parse_args()))
print("the official SDK was served over every interface")
