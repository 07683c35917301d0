import assert from "node:assert/strict";
import { test } from "node:test";

import type { FastifyInstance, InjectOptions } from "fastify";

import type { Problem } from "../src/problem.js";
import { newApp } from "./support.js";

async function problemOf(app: FastifyInstance, request: InjectOptions): Promise<Problem> {
  const response = await app.inject(request);
  assert.match(String(response.headers["content-type"]), /^application\/problem\+json(;|$)/, response.body);
  const problem = response.json<Problem>();
  assert.equal(problem.status, response.statusCode, "the problem must repeat the status");
  assert.match(problem.instance ?? "", /^urn:uuid:[0-9a-f-]{36}$/, "the problem must lead back to the logs");
  return problem;
}

function post(payload: object): InjectOptions {
  return { method: "POST", url: "/v1/tasks", payload };
}

test("every wrong field is named by its pointer", async () => {
  const { status, errors } = await problemOf(newApp(), post({ "colour/hue": "red", due: 1 }));
  assert.equal(status, 400);
  assert.deepEqual(
    errors?.map(({ in: place, pointer }) => `${place} ${pointer}`).sort(),
    ["body /colour~1hue", "body /due", "body /title"],
  );
});

test("a body is not converted to fit", async () => {
  const { errors } = await problemOf(newApp(), post({ title: 5 }));
  assert.deepEqual(errors, [{ in: "body", pointer: "/title", detail: "must be string" }]);
});

test("a wrong query and a wrong path are told apart", async () => {
  const app = newApp();
  const query = await problemOf(app, { url: "/v1/tasks?limit=1000" });
  assert.deepEqual(query.errors?.map(({ in: place, pointer }) => [place, pointer]), [["query", "/limit"]]);
  const path = await problemOf(app, { url: "/v1/tasks/42" });
  assert.deepEqual(path.errors?.map(({ in: place, pointer }) => [place, pointer]), [["path", "/id"]]);
});

test("what the framework refuses is a problem too", async () => {
  const app = newApp();
  const headers = { "content-type": "application/json" };
  const cases: [number, InjectOptions][] = [
    [400, { method: "POST", url: "/v1/tasks", headers, payload: "{" }],
    [400, { url: "/v1/%zz" }],
    [404, { url: "/nowhere" }],
    [413, post({ title: "x".repeat(100_000) })],
    [415, { method: "POST", url: "/v1/tasks", headers: { "content-type": "text/plain" }, payload: "x" }],
  ];
  for (const [status, request] of cases) {
    assert.equal((await problemOf(app, request)).status, status, JSON.stringify(request).slice(0, 80));
  }
});

test("a client never reads the words of an internal error", async () => {
  const app = newApp();
  app.get("/broken", async () => {
    throw Object.assign(new Error("password=hunter2"), { statusCode: 404 });
  });
  const { instance, ...problem } = await problemOf(app, { url: "/broken" });
  assert.deepEqual(problem, { type: "about:blank", title: "Internal Server Error", status: 500 });
});
