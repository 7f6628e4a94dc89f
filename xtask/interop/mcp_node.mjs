// The official MCP SDK for Node, and the official inspector, hire over streamable HTTP.
//
// Usage: mcp_node.mjs BASE_URL TOKEN TOOL POOR_TOKEN
//
// TOOL answers with its arguments. POOR_TOKEN may spend more on one call than its budget holds, so
// that whatever it buys is refused. Must lie next to a folder in which package.json was installed.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [baseUrl, token, tool, poorToken] = process.argv.slice(2);
const url = new URL("/mcp", baseUrl);

async function connect(bearer) {
  const client = new Client({ name: "interop", version: "1.0.0" });
  const requestInit = { headers: { Authorization: `Bearer ${bearer}` } };
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit }));
  return client;
}

async function hire() {
  const client = await connect(token);
  assert.equal(client.getServerVersion().name, "ainur");
  const { tools } = await client.listTools();
  assert.ok(tools.some(({ name }) => name === tool), JSON.stringify(tools));
  const heard = [];
  const onprogress = ({ message }) => heard.push(message);
  const call = { name: tool, arguments: { say: "hi" } };
  const bought = await client.callTool(call, undefined, { onprogress });
  assert.ok(!bought.isError, JSON.stringify(bought));
  assert.deepEqual(bought.structuredContent, { say: "hi" });
  assert.ok(heard.some((message) => message.startsWith("settled")), JSON.stringify(heard));
  console.log(`sdk: hired ${tool}, and heard ${heard.length} times how it went`);

  const { resources } = await client.listResources();
  const { contents } = await client.readResource({ uri: resources[0].uri });
  assert.deepEqual(JSON.parse(contents[0].text), { say: "hi" });
  console.log(`sdk: read what it bought, one of ${resources.length} resources`);

  await assert.rejects(client.callTool({ name: "no.such.tool" }), /no agent offers/);
  await assert.rejects(client.readResource({ uri: "ainur://blob/none" }));
  await client.close();
}

async function overspend() {
  const client = await connect(poorToken);
  const refused = await client.callTool({ name: tool, arguments: { say: "more" } });
  assert.equal(refused.isError, true, JSON.stringify(refused));
  assert.match(refused.content[0].text, /budget/);
  console.log(`sdk: a call over budget is refused: ${refused.content[0].text}`);
  await client.close();
}

async function stranger() {
  await assert.rejects(connect("wrong"), /401|token/);
  console.log("sdk: who has no token is not let in");
}

function inspect(...options) {
  const program = fileURLToPath(new URL("node_modules/.bin/mcp-inspector", import.meta.url));
  const server = ["--cli", url.href, "--transport", "http"];
  const header = ["--header", `Authorization: Bearer ${token}`];
  const output = execFileSync(process.execPath, [program, ...server, ...header, ...options]);
  return JSON.parse(output.toString());
}

function inspector() {
  const { tools } = inspect("--method", "tools/list");
  assert.ok(tools.some(({ name }) => name === tool), JSON.stringify(tools));
  const call = ["--method", "tools/call", "--tool-name", tool, "--tool-arg", "say=hi"];
  const bought = inspect(...call);
  assert.deepEqual(bought.structuredContent, { say: "hi" });
  console.log(`inspector: listed ${tools.length} tools and hired one`);
}

await hire();
await overspend();
await stranger();
inspector();
console.log("the official clients for Node hired over streamable HTTP");
