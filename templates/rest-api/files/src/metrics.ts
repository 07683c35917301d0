/**
 * Prometheus metrics: the process's own, and how long requests take.
 *
 * `/metrics` is on the service's port for the scraper inside the network; do not route it outside.
 */
import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Histogram, Registry } from "prom-client";

export function addMetrics(app: FastifyInstance): void {
  // Not prom-client's global registry, which could hold only one service per process: tests start many.
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  const duration = new Histogram({
    name: "http_request_duration_seconds",
    help: "Time from the arrival of a request to the end of its response.",
    labelNames: ["method", "route", "status_code"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });

  app.addHook("onResponse", async (request, reply) => {
    // The pattern, never the URL: a label with ids in it would make a time series per task.
    const route = request.routeOptions.url ?? "unmatched";
    duration.observe({ method: request.method, route, status_code: reply.statusCode }, reply.elapsedTime / 1000);
  });

  app.get("/metrics", { logLevel: "warn" }, async (_request, reply) => {
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
