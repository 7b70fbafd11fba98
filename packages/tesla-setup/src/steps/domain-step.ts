// The domain that Tesla registers, and the name that vehicles connect to.
import { rootOf } from '../domain/index.js';
import { firstServed } from './network.js';
import { readable } from './readable.js';
import type { Outcome, SetupContext, Step } from './step.js';

export const domainStep: Step = {
  name: 'domain',
  title: 'Domain and telemetry host',
  async check(context) {
    const { options, facts } = context;
    const domain = facts.domain ?? options.domain ?? (await storedDomain(context));
    if (domain === undefined) {
      return {
        state: 'needed',
        text: 'no domain',
        remedy: 'Give the name of this machine on the Internet: DOMAIN, or --domain cars.example.com.',
      };
    }
    return await checked(context, domain.toLowerCase());
  },
  async run(context, found) {
    const { dialogue } = context;
    if (context.facts.domain !== undefined || !dialogue.isInteractive) return found;
    const domain = await dialogue.ask({
      message: 'Which name of the Internet leads to this machine? Ports 443 and 4443 of it must be reachable.',
      check: (text) => (hostName.test(text.trim()) ? undefined : 'a name such as cars.example.com'),
    });
    return await checked(context, domain!.trim().toLowerCase());
  },
};

async function storedDomain({ tesla }: SetupContext): Promise<string | undefined> {
  const read = await readable(tesla.application());
  return 'state' in read ? undefined : read.value?.domain;
}

const hostName = /^(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+$/i;

async function checked(context: SetupContext, domain: string): Promise<Outcome> {
  const { facts, options, network } = context;
  if (!hostName.test(domain)) {
    const remedy = 'Give the name alone, such as cars.example.com, without https:// or a port.';
    return { state: 'failed', problem: 'domain_not_valid', text: `"${domain}" is no name of a domain`, remedy };
  }
  const telemetryHost = (options.telemetryHost ?? domain).toLowerCase();
  if (rootOf(telemetryHost) !== rootOf(domain)) {
    return {
      state: 'failed',
      problem: 'domain_mismatch',
      text: `${telemetryHost} does not belong to ${domain}`,
      remedy: 'Choose a TELEMETRY_HOST below the domain: both must have the same root, such as example.com.',
    };
  }
  facts.domain = domain;
  facts.telemetryHost = telemetryHost;
  const names = [...new Set([domain, telemetryHost])];
  const unresolved: string[] = [];
  for (const name of names) await network.resolve(name).catch(() => unresolved.push(name));
  if (unresolved.length > 0) {
    return {
      state: 'warning',
      text: `no address for ${unresolved.join(' and ')}`,
      remedy: 'Create a DNS record that leads to this machine. Tesla and the vehicles need it.',
    };
  }
  if ((await firstServed(network, options.servers, telemetryHost)) === undefined) {
    return {
      state: 'warning',
      text: `${names.join(', ')}; the telemetry server does not answer at ${options.servers.map(({ host, port }) => `${host}:${port}`).join(', ')}`,
      remedy: 'Start ingest: docker compose up -d, or npm start. Its port is needed for the configuration.',
    };
  }
  return { state: 'done', text: names.join(', ') };
}
