// Client id and secret of the application on developer.tesla.com, with the values to type there.
import { join } from 'node:path';
import { type TeslaApplication, writeApplication } from '@fleetbridge/tesla-account';
import { readable } from './readable.js';
import type { SetupContext, Step } from './step.js';

export const applicationStep: Step = {
  name: 'application',
  title: 'Application at Tesla',
  async check(context) {
    const { facts, options, tesla } = context;
    const read = await readable(tesla.application());
    if ('state' in read) return read;
    const stored = read.value;
    const { domain } = facts;
    const isSame =
      stored !== undefined &&
      stored.domain === domain &&
      stored.clientId === (options.clientId ?? stored.clientId) &&
      stored.clientSecret === (options.clientSecret ?? stored.clientSecret);
    if (!isSame) return { state: 'needed', text: 'client id and client secret are not stored', remedy: 'Run setup.' };
    facts.application = stored;
    return { state: 'done', text: `client id ${stored.clientId}` };
  },
  async run(context) {
    const { options, tesla, dialogue } = context;
    const read = await readable(tesla.application());
    const stored = 'state' in read ? undefined : read.value;
    const clientId = options.clientId ?? stored?.clientId;
    const clientSecret = options.clientSecret ?? stored?.clientSecret;
    if (clientId !== undefined && clientSecret !== undefined) return await keep(context, clientId, clientSecret);
    if (!dialogue.isInteractive && 'state' in read) return read;
    if (!dialogue.isInteractive) {
      return {
        state: 'needed',
        text: 'client id or client secret is missing',
        remedy: `Create an application on developer.tesla.com: ${valuesFor(context).join('; ')}. Then set TESLA_CLIENT_ID and TESLA_CLIENT_SECRET (or TESLA_CLIENT_SECRET_FILE).`,
      };
    }
    dialogue.show(['Create an application on developer.tesla.com with exactly these values:', ...valuesFor(context)]);
    const id = clientId ?? (await dialogue.ask({ message: 'Client ID', check: required }));
    const secret = clientSecret ?? (await dialogue.ask({ message: 'Client Secret', isSecret: true, check: required }));
    return await keep(context, id!.trim(), secret!.trim());
  },
};

function required(text: string): string | undefined {
  return text.trim() === '' ? 'copy it from the page of the application' : undefined;
}

function valuesFor({ facts, options }: SetupContext): string[] {
  return [
    'OAuth Grant Type: Authorization Code and Machine-to-Machine',
    `Allowed Origin: https://${facts.domain}`,
    `Allowed Redirect URI: ${options.redirectUri}`,
    'API & Scopes: Vehicle Information, Vehicle Location, Vehicle Commands, Vehicle Charging Management, Profile Information',
  ];
}

async function keep(context: SetupContext, clientId: string, clientSecret: string) {
  const application: TeslaApplication = { domain: context.facts.domain!, clientId, clientSecret };
  await writeApplication(context.store, join(context.options.dataDirectory, 'tesla'), application);
  context.facts.application = application;
  return { state: 'done', text: `client id ${clientId}, stored encrypted` } as const;
}
