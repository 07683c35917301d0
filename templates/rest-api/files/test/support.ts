/** The service as production assembles it, with a fresh store and nothing on the log. */
import type { FastifyInstance } from "fastify";

import { buildApp } from "../src/app.js";
import { loadConfig } from "../src/config.js";
import { MemoryTaskStore } from "../src/tasks/store.js";

export function newApp(env: NodeJS.ProcessEnv = {}): FastifyInstance {
  return buildApp({ config: loadConfig({ LOG_LEVEL: "silent", ...env }), tasks: new MemoryTaskStore() });
}
