/**
 * What an orchestrator asks: is the process alive, and may it be sent requests.
 *
 * `/healthz` looks at nothing but the process, since a failing liveness probe means a restart, and a
 * restart does not mend a database. What the service cannot work without belongs into `/readyz`.
 */
import type { FastifyInstance } from "fastify";

export function addHealthChecks(app: FastifyInstance): void {
  let stopping = false;
  app.addHook("preClose", async () => {
    stopping = true;
  });

  // Probes come every few seconds from every side; at the usual level they would drown the log.
  const quietly = { logLevel: "warn" } as const;

  app.get("/healthz", quietly, async () => ({ status: "ok" }));

  app.get("/readyz", quietly, async (_request, reply) => {
    if (stopping) return reply.code(503).send({ status: "stopping" });
    return { status: "ready" };
  });
}
