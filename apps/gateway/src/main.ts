// The gateway: the part of Tesla's Fleet API that TeslaMate polls, answered from telemetry. gateway.ts wires the parts.
import { guardAdminPort } from '@fleetbridge/access';
import {
  createLogger,
  createReadiness,
  formatUnknownVariable,
  loadConfig,
  type RunContext,
  runApp,
  startAdminServer,
} from '@fleetbridge/service';
import { gatewayConfig } from './config.js';
import { startGateway } from './gateway.js';

await runApp({ name: 'gateway', main });

async function main(context: RunContext): Promise<void> {
  const { config, warnings } = loadConfig(gatewayConfig, { env: context.env, prefixes: ['GATEWAY_'] });
  const log = createLogger({ name: 'gateway', level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  context.log = log;
  context.shutdownSeconds = config.SHUTDOWN_SECONDS;
  for (const warning of warnings) log.warn({ ...warning }, formatUnknownVariable(warning));

  const readiness = createReadiness({ checks: ['redis', 'log', 'clients_port'], signal: context.signal });
  const ports = { clients: 0, admin: 0 };
  let admin: Promise<unknown> | undefined;
  await startGateway({
    config,
    context,
    readiness,
    onOpen: ({ port, registry }) => {
      ports.clients = port;
      admin = startAdmin(registry);
    },
  });
  await admin;
  context.ready({ ports });

  async function startAdmin(registry: Parameters<typeof startAdminServer>[0]['registry']) {
    const server = await startAdminServer({
      host: config.ADMIN_HOST,
      port: config.GATEWAY_ADMIN_PORT,
      portVariable: 'GATEWAY_ADMIN_PORT',
      registry,
      readiness,
      guard: guardAdminPort,
      log,
    });
    context.onStop('admin server', () => server.stop());
    ports.admin = server.address.port;
  }
}
