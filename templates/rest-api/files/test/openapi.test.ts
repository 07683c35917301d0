import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import type { HTTPMethods } from "fastify";

import { newApp } from "./support.js";

// From dist/test, where this file runs, to the project.
const document = new URL("../../openapi.yaml", import.meta.url);

interface Operation {
  readonly method: HTTPMethods;
  readonly url: string;
}

/** The operations, by their indentation: enough for this file, and no YAML parser to depend on. */
function operationsIn(yaml: string): Operation[] {
  const operations: Operation[] = [];
  let url = "";
  for (const line of yaml.split("\n")) {
    url = /^  (\/\S*):$/.exec(line)?.[1] ?? url;
    const method = /^    (get|put|post|patch|delete):$/.exec(line)?.[1];
    if (method === undefined) continue;
    operations.push({ method: method.toUpperCase(), url: url.replaceAll(/\{(\w+)\}/g, ":$1") });
  }
  return operations;
}

test("every operation in openapi.yaml exists", async () => {
  const app = newApp();
  await app.ready();
  const operations = operationsIn(await readFile(document, "utf8"));
  assert(operations.length > 0, "no operation was found; is the file indented by two?");
  for (const { method, url } of operations) {
    assert(app.hasRoute({ method, url }), `${method} ${url} is documented but does not exist`);
  }
});
