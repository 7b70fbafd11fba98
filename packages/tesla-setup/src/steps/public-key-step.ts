// The public key, as Tesla fetches it over the public name. From inside, the name is often not reachable: Tesla's own
// fetch in the registration decides.
import { PUBLIC_KEY_PATH } from '../domain/index.js';
import { fetchServedKey } from './served-key.js';
import type { Outcome, SetupContext, Step } from './step.js';

export const publicKeyStep: Step = {
  name: 'public_key',
  title: 'Public key',
  check: (context) => served(context),
  // the gateway serves the key without a further step
  run: (context) => served(context),
};

async function served(context: SetupContext): Promise<Outcome> {
  const { facts } = context;
  const url = `https://${facts.domain}${PUBLIC_KEY_PATH}`;
  const key = await fetchServedKey(context);
  switch (key.kind) {
    case 'served':
      if (key.hex === facts.key!.publicKey.hex) return { state: 'done', text: `served at ${url}` };
      return {
        state: 'failed',
        problem: 'other_key_served',
        text: `${url} serves another public key than that of the application key`,
        remedy:
          'Remove the other file (with Docker Compose: infra/public) so that the gateway serves the key, or give its private key with --key-file.',
      };
    case 'not_a_key':
      return {
        state: 'warning',
        text: `${url} does not answer with a public key of P-256`,
        remedy: 'Let the gateway serve the key: the web server in front must pass /.well-known/appspecific/ to it.',
      };
    case 'not_served':
      return {
        state: 'warning',
        text: `${url} answers ${key.status}`,
        remedy: 'Let the gateway serve the key: the web server in front must pass /.well-known/appspecific/ to it.',
      };
    case 'not_reachable':
      return {
        state: 'warning',
        text: `${url} can not be fetched from here: ${key.reason}`,
        remedy: 'Open it from another network. Some routers do not lead to their own public address from inside.',
      };
  }
}
