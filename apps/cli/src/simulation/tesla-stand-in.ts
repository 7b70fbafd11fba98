// The stand-in of Tesla's side behind SIM_TESLA: an application that accepts every domain, and vehicles with certificates
// of the development CA.
import { readFileSync } from 'node:fs';
import type { DevelopmentPki } from '@fleetbridge/pki';
import {
  type PhasePlan,
  type SimulatedVehicleEvent,
  startTeslaApi,
  type TeslaApi,
  type TeslaApiVehicle,
} from '@fleetbridge/simulator';

/** Not a secret: it opens nothing but the stand-in. */
export const simulatedApplication = {
  clientId: 'simulated-application',
  clientSecret: 'simulated-secret',
  allowedOrigins: ['*'],
  redirectUris: ['*'],
};

export function startTeslaStandIn({
  config,
  pki,
  plan,
  timeScale,
  report,
}: {
  config: { readonly SIM_TESLA_PORT: number; readonly SIM_TESLA_KEY_URL?: string | undefined };
  pki: Pick<DevelopmentPki, 'server' | 'vehicles'>;
  plan: readonly PhasePlan[] | undefined;
  timeScale: number | undefined;
  report: (vin: string, event: SimulatedVehicleEvent) => void;
}): Promise<TeslaApi> {
  const keyUrl = config.SIM_TESLA_KEY_URL ?? DEFAULT_KEY_URL;
  const vehicles = [...pki.vehicles].map(
    ([vin, { certFile, keyFile }]): TeslaApiVehicle => ({
      vin,
      certificatePem: readFileSync(certFile, 'utf8'),
      keyPem: readFileSync(keyFile, 'utf8'),
      ...(plan === undefined ? {} : { plan }),
      ...(timeScale === undefined ? {} : { timeScale }),
    }),
  );
  return startTeslaApi({
    certificatePem: readFileSync(pki.server.certFile, 'utf8'),
    keyPem: readFileSync(pki.server.keyFile, 'utf8'),
    application: simulatedApplication,
    vehicles,
    ports: { na: config.SIM_TESLA_PORT },
    fetchPublicKey: () => fetchText(keyUrl),
    onEvent: report,
  });
}

const DEFAULT_KEY_URL = 'http://localhost:8080/.well-known/appspecific/com.tesla.3p.public-key.pem';

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.text();
}
