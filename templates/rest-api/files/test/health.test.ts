import assert from "node:assert/strict";
import { test } from "node:test";

import { newApp } from "./support.js";

test("a running service is alive and ready", async () => {
  const app = newApp();
  for (const url of ["/healthz", "/readyz"]) {
    assert.equal((await app.inject(url)).statusCode, 200, url);
  }
});

test("a stopping service is alive but not ready", async () => {
  const app = newApp({ DRAIN_DELAY_MS: "200" });
  const address = await app.listen({ host: "127.0.0.1", port: 0 });

  const closed = app.close();
  assert.equal((await fetch(`${address}/readyz`)).status, 503);
  assert.equal((await fetch(`${address}/healthz`)).status, 200);
  await closed;
});
