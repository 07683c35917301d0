import assert from "node:assert/strict";
import { test } from "node:test";

import type { FastifyInstance } from "fastify";

import type { Task } from "../src/tasks/store.js";
import { newApp } from "./support.js";

async function create(app: FastifyInstance, title: string): Promise<Task> {
  const response = await app.inject({ method: "POST", url: "/v1/tasks", payload: { title } });
  assert.equal(response.statusCode, 201, response.body);
  return response.json<Task>();
}

test("a created task is found where the Location header says", async () => {
  const app = newApp();
  const created = await app.inject({ method: "POST", url: "/v1/tasks", payload: { title: "Write the runbook" } });
  assert.equal(created.statusCode, 201);

  const found = await app.inject(String(created.headers["location"]));
  assert.equal(found.statusCode, 200);
  assert.deepEqual(found.json(), created.json());
  assert.equal(found.json<Task>().done, false, "a new task must not be done");
});

test("a change touches only what it names", async () => {
  const app = newApp();
  const task = await create(app, "Write the runbook");
  const changed = await app.inject({ method: "PATCH", url: `/v1/tasks/${task.id}`, payload: { done: true } });
  assert.equal(changed.statusCode, 200);
  assert.deepEqual(changed.json(), { ...task, done: true });
});

test("a deleted task is gone", async () => {
  const app = newApp();
  const url = `/v1/tasks/${(await create(app, "Write the runbook")).id}`;
  assert.equal((await app.inject({ method: "DELETE", url })).statusCode, 204);
  for (const method of ["GET", "DELETE"] as const) {
    assert.equal((await app.inject({ method, url })).statusCode, 404, `${method} must not find it any more`);
  }
});

test("paging visits every task once, in order, even when tasks are deleted on the way", async () => {
  const app = newApp();
  const tasks: Task[] = [];
  for (const title of ["one", "two", "three", "four", "five"]) tasks.push(await create(app, title));

  const seen: string[] = [];
  let url: string | undefined = "/v1/tasks?limit=2";
  while (url !== undefined) {
    const page: { items: Task[]; next?: string } = (await app.inject(url)).json();
    for (const { id, title } of page.items) {
      seen.push(title);
      await app.inject({ method: "DELETE", url: `/v1/tasks/${id}` });
    }
    url = page.next === undefined ? undefined : `/v1/tasks?limit=2&cursor=${page.next}`;
  }
  assert.deepEqual(
    seen,
    tasks.map(({ title }) => title),
  );
});
