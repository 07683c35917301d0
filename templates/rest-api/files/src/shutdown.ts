/**
 * Stopping without losing requests.
 *
 * The first SIGTERM or SIGINT closes the service: it drains, stops listening and ends once the open
 * requests have. If that takes too long, or on a second signal, the process ends at once.
 */
import { setTimeout as sleep } from "node:timers/promises";

import type { FastifyInstance } from "fastify";

const signals = ["SIGINT", "SIGTERM"] as const;

/** Has a closing service go on serving for a while before it stops listening, and keep no connection for later. */
export function drainBeforeClose(app: FastifyInstance, delayMs: number): void {
  let draining = false;
  app.addHook("preClose", async () => {
    draining = true;
    await sleep(delayMs);
  });
  // Without this, a client that had a request open would hold its idle connection, and with it the
  // whole stop, until the keep-alive timeout.
  app.addHook("onSend", async (_request, reply) => {
    if (draining) reply.header("connection", "close");
  });
}

export function closeOnSignals(app: FastifyInstance, timeoutMs: number): void {
  const close = (signal: NodeJS.Signals): void => {
    // Gives the next signal its default meaning back: end now.
    for (const name of signals) process.off(name, close);

    app.log.info({ signal }, "shutting down");
    setTimeout(() => {
      app.log.error({ timeoutMs }, "requests are still open; giving up on them");
      process.exit(1);
    }, timeoutMs).unref();

    app.close().then(
      () => app.log.info("shut down"),
      (error: unknown) => {
        app.log.error(error, "shutdown failed");
        process.exitCode = 1;
      },
    );
  };
  for (const name of signals) process.on(name, close);
}
