// The domain as partner account, once per region.
import { FleetApiError } from '@fleetbridge/fleet-api';
import type { Outcome, SetupContext, Step, StepName } from './step.js';

export const registrationStep: Step = registrationAs('registration', 'Registration at Tesla', async () => {});

/** After the sign-in, Tesla names the region of the account. */
export const regionStep: Step = registrationAs(
  'region',
  'Registration in the region of the account',
  async ({ tesla }) => {
    const home = await tesla.owner.region().catch((error: unknown) => {
      // of a stand-in with one region
      if (error instanceof FleetApiError && error.status === 404) return undefined;
      throw error;
    });
    if (home !== undefined) tesla.fleet.moveTo(home.apiUrl);
  },
);

function registrationAs(name: StepName, title: string, findRegion: (context: SetupContext) => Promise<void>): Step {
  return {
    name,
    title,
    async check(context) {
      const { tesla, facts } = context;
      await findRegion(context);
      const partner = await tesla.fleet.partner(facts.application!);
      const registered = await partner.publicKey(facts.domain!).catch((error: unknown) => {
        if (error instanceof FleetApiError && error.problem === 'not_registered') return undefined;
        throw error;
      });
      if (registered === facts.key!.publicKey.hex) return done(context);
      if (registered === undefined) return { state: 'needed', text: 'not registered', remedy: 'Run setup.' };
      if (context.options.isNewKey)
        return { state: 'needed', text: 'registered with another key', remedy: 'Run setup.' };
      return {
        state: 'failed',
        problem: 'other_key_registered',
        text: `Tesla has another public key of ${facts.domain}, and vehicles may be paired with it`,
        remedy:
          'Give the file of its private key: --key-file, or TESLA_KEY_FILE, after moving DATA_DIR/tesla/application-key.pem away. Only if it is lost: --new-key registers the new one, and every vehicle must be paired again.',
      };
    },
    async run(context, found) {
      if (found.state === 'failed') return found;
      const { tesla, facts } = context;
      const partner = await tesla.fleet.partner(facts.application!);
      await partner.register(facts.domain!);
      return done(context);
    },
  };
}

function done({ facts, tesla }: SetupContext): Outcome {
  return { state: 'done', text: `${facts.domain} at ${new URL(tesla.fleet.apiUrl).host}` };
}
