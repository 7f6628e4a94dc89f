// The MCP client under test by the official suite: the real binary, which adds the suite's server as
// an agent and hires every tool of it.
//
// Usage: mcp_suite_client.mjs BINARY URL
//
// Arguments of calls come from MCP_CONFORMANCE_CONTEXT (`toolCalls`) where there are some, and are
// made from the tools' schemas otherwise. It ends well whatever becomes of the calls: the suite
// looks at what it was sent.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [binary, url] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "ainur-suite-"));

function ainur(...words) {
  const output = execFileSync(binary, ["--json", "--data-dir", folder, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(output.toString());
}

function example(schema) {
  const values = { integer: 1, number: 1, boolean: true, array: [], object: {}, string: "hi" };
  const entries = Object.entries(schema.properties ?? {});
  return Object.fromEntries(
    entries.map(([name, property]) => [name, property.enum?.[0] ?? values[property.type] ?? "hi"]),
  );
}

function slug(name) {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
}

try {
  const agent = ainur("agent", "add", url, "--private", "--name", "suite", "--price", "0.1");
  const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");
  const named = context.toolCalls?.map((call) => [`suite.${slug(call.name)}`, call.arguments ?? {}]);
  const schemas = agent.capabilities.map(({ name, input_schema }) => [name, JSON.parse(input_schema)]);
  // One scenario wants the schema of its other tool back as it was.
  const other = (name) => schemas.find(([another]) => another !== name)?.[1];
  const all = schemas.map(([name, schema]) => [
    name,
    name === "suite.json-schema-echo" ? { schema: other(name) } : example(schema),
  ]);
  for (const [capability, parameters] of named ?? all) {
    try {
      ainur("task", "run", capability, "--reserve", "1", "--time-max", "15", "--parameters",
        JSON.stringify(parameters));
    } catch (error) {
      console.error(`${capability}: ${error.message}`);
    }
  }
} catch (error) {
  console.error(error.message);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
