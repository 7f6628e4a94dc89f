// The official A2A SDK for Node hires over every interface that the card names.
//
// Usage: a2a_node.mjs BASE_URL TOKEN [--capability NAME] [--slow NAME] [--conformance]
//
// --capability  answers with its parameters (default json.echo)
// --slow        works until it is cancelled; without it nothing is cancelled
// --conformance the server answers with its fixtures instead of the market
//
// Must lie next to a folder in which package.json was installed. One line for each step.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";

import { Role, TaskState } from "@a2a-js/sdk";
import {
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from "@a2a-js/sdk/client";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    capability: { type: "string", default: "json.echo" },
    slow: { type: "string" },
    conformance: { type: "boolean", default: false },
  },
});
const [baseUrl, token] = positionals;
const said = { say: "hi", count: 2 };
const legacyCompat = { enabled: true };

function fetchImpl(input, init = {}) {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${token}`);
  return fetch(input, { ...init, headers });
}

/** A client of one interface of the card. */
function clientOf(card, offered) {
  const transports = [
    new JsonRpcTransportFactory({ fetchImpl, legacyCompat }),
    new RestTransportFactory({ fetchImpl, legacyCompat }),
  ];
  return new ClientFactory({ transports, legacyCompat }).createFromAgentCard({
    ...card,
    supportedInterfaces: [offered],
  });
}

function request(name, { slow = false, wait = true } = {}) {
  const prefix = slow ? "test-resubscribe-message-id" : "tck-stream-001";
  const capability = slow ? options.slow : options.capability;
  const data = { capability, parameters: said };
  const part = { content: { $case: "data", value: data }, filename: "", mediaType: "" };
  return {
    tenant: "",
    message: {
      messageId: `${options.conformance ? `${prefix}-` : ""}${name}-${randomUUID()}`,
      contextId: "",
      taskId: "",
      role: Role.ROLE_USER,
      parts: [{ ...part, metadata: undefined }],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    },
    configuration: {
      acceptedOutputModes: [],
      taskPushNotificationConfig: undefined,
      returnImmediately: !wait,
    },
    metadata: undefined,
  };
}

function checkArtifacts(artifacts) {
  assert.equal(artifacts.length, 1, JSON.stringify(artifacts));
  const [{ content }] = artifacts[0].parts;
  if (options.conformance) {
    assert.equal(content.value, "Stream hello from TCK");
  } else {
    assert.deepEqual(content.value, said);
  }
}

async function tryAll(card, offered) {
  const step = (what) => console.log(`${offered.protocolBinding} ${offered.protocolVersion}: ${what}`);
  const client = await clientOf(card, offered);

  const task = await client.sendMessage(request("send"));
  assert.equal(task.status.state, TaskState.TASK_STATE_COMPLETED, JSON.stringify(task));
  checkArtifacts(task.artifacts);
  step("a message is answered with its output");

  const events = [];
  for await (const event of client.sendMessageStream(request("stream"))) {
    events.push(event.payload);
  }
  const kinds = events.map(({ $case }) => $case);
  assert.equal(kinds[0], "task", kinds.join());
  assert.equal(kinds.at(-1), "statusUpdate", kinds.join());
  assert.equal(events.at(-1).value.status.state, TaskState.TASK_STATE_COMPLETED);
  const updates = events.filter(({ $case }) => $case === "artifactUpdate");
  checkArtifacts(updates.map(({ value }) => value.artifact));
  step(`a stream tells ${events.length} events to the end`);

  const got = await client.getTask({ tenant: "", id: task.id, historyLength: 1 });
  assert.equal(got.id, task.id);
  assert.equal(got.history.length, 1);
  checkArtifacts(got.artifacts);
  step("a task is got");

  await assert.rejects(client.getTask({ tenant: "", id: "nobody" }), { name: /TaskNotFound/ });
  const again = { tenant: "", id: task.id, metadata: undefined };
  await assert.rejects(client.cancelTask(again), { name: /TaskNotCancelable/ });
  step("refusals are the errors that the SDK knows");

  if (offered.protocolVersion.startsWith("1.")) {
    const list = { tenant: "", contextId: task.contextId, status: 0, pageToken: "" };
    const { tasks } = await client.listTasks({ ...list, statusTimestampAfter: undefined });
    assert.deepEqual(tasks.map(({ id }) => id), [task.id]);
    step("tasks are listed");
  }
  if (options.slow || options.conformance) {
    await cancel(client, step);
  }
}

async function cancel(client, step) {
  const begun = await client.sendMessage(request("cancel", { slow: true, wait: false }));
  const running = [TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING];
  assert.ok(running.includes(begun.status.state), JSON.stringify(begun));
  const heard = [];
  const following = (async () => {
    for await (const event of client.resubscribeTask({ tenant: "", id: begun.id })) {
      heard.push(event.payload);
    }
  })();
  while (heard.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const cancelled = await client.cancelTask({ tenant: "", id: begun.id, metadata: undefined });
  assert.equal(cancelled.status.state, TaskState.TASK_STATE_CANCELED, JSON.stringify(cancelled));
  await following;
  assert.equal(heard.at(-1).value.status.state, TaskState.TASK_STATE_CANCELED);
  step("a running task is followed, cancelled, and told to the end");
}

const card = await new DefaultAgentCardResolver().resolve(baseUrl);
console.log(`card: ${card.name}, ${card.skills.length} skills`);
const bindings = ["JSONRPC", "HTTP+JSON"];
const offers = card.supportedInterfaces.filter((it) => bindings.includes(it.protocolBinding));
assert.ok(offers.length >= 4, JSON.stringify(card.supportedInterfaces));
for (const offered of offers) {
  await tryAll(card, offered);
}
console.log("the official SDK for Node was served over every interface");
