import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { newApp } from "./support.js";

const main = fileURLToPath(new URL("../src/main.js", import.meta.url));

test("a request that is open when the service stops gets its answer", { timeout: 10_000 }, async () => {
  const app = newApp();
  let arrived = (): void => {};
  const arrival = new Promise<void>((resolve) => (arrived = resolve));
  app.get("/slow", async () => {
    arrived();
    await sleep(100);
    return "done";
  });
  const address = await app.listen({ host: "127.0.0.1", port: 0 });

  const response = fetch(`${address}/slow`);
  await arrival;
  await app.close();
  assert.equal(await (await response).text(), "done");
});

test("the port stays open while load balancers look away", async () => {
  const app = newApp({ DRAIN_DELAY_MS: "200" });
  const address = await app.listen({ host: "127.0.0.1", port: 0 });

  const closed = app.close();
  assert.equal((await fetch(`${address}/v1/tasks`)).status, 200, "a request during the drain must be served");
  await closed;
  await assert.rejects(fetch(`${address}/v1/tasks`), "the port must be closed after the drain");
});

// Windows has no SIGTERM to send.
test("the process ends well on SIGTERM", { skip: process.platform === "win32" }, async () => {
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, HOST: "127.0.0.1", PORT: "0", LOG_LEVEL: "info" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const messages: unknown[] = [];
  const exit = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg } = JSON.parse(line) as { msg?: string };
    messages.push(msg);
    if (msg?.startsWith("Server listening")) child.kill("SIGTERM");
  }
  assert.deepEqual(await exit, [0, null]);
  assert.deepEqual(messages.slice(-2), ["shutting down", "shut down"]);
});

test("the process does not start with a wrong setting, and names it", async () => {
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, PORT: "high" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  assert.deepEqual(await once(child, "close"), [1, null]);
  assert.match(output, /PORT must be an integer/);
});
