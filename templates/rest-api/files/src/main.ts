/**
 * The process: reads its settings, listens, and leaves when it is told to.
 *
 * Everything that can be tested without a process is in `app.ts`.
 */
import { buildApp } from "./app.js";
import { ConfigError, loadConfig, type Config } from "./config.js";
import { closeOnSignals } from "./shutdown.js";
import { MemoryTaskStore } from "./tasks/store.js";

function configOrExit(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // There is no logger yet: its level is one of the settings.
    console.error(error.message);
    process.exit(1);
  }
}

const config = configOrExit();
const app = buildApp({ config, tasks: new MemoryTaskStore() });
closeOnSignals(app, config.shutdownTimeoutMs);

try {
  await app.listen({ host: config.host, port: config.port });
} catch (error) {
  app.log.fatal(error, "cannot listen");
  process.exitCode = 1;
  await app.close();
}
