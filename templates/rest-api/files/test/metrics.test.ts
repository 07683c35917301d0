import assert from "node:assert/strict";
import { test } from "node:test";

import { newApp } from "./support.js";

test("a request is counted under its route's pattern and its status", async () => {
  const app = newApp();
  await app.inject("/v1/tasks/6f1d0a52-5f0c-4c55-9d0f-3b6d2c6f3a11");
  await app.inject("/nowhere/at-all");

  const { body, headers } = await app.inject("/metrics");
  assert.match(String(headers["content-type"]), /^text\/plain; version=0\.0\.4/);
  const count = (labels: string): RegExp => new RegExp(`^http_request_duration_seconds_count\\{${labels}\\} 1$`, "m");
  assert.match(body, count('method="GET",route="/v1/tasks/:id",status_code="404"'));
  assert.match(body, count('method="GET",route="unmatched",status_code="404"'));
  assert.doesNotMatch(body, /at-all|6f1d0a52/, "a URL must never become a label");
});

test("the process's own metrics are there", async () => {
  assert.match((await newApp().inject("/metrics")).body, /^process_cpu_seconds_total /m);
});
