// The control of the stand-in over HTTP, for tests that run it as a process: `/_stand_in/…`, on loopback like the rest.
import { type Answer, type ApiRequest, failure, json, readBody } from './answer.js';
import type { Fault } from './faults.js';
import type { TeslaApi } from './tesla-api.js';

export const CONTROL_PATH = '/_stand_in/';

/** GET state; POST faults, clear_faults, pair, revoke_sign_in; PATCH account, vehicles/<VIN>. */
export async function control(api: TeslaApi, { method, path, body }: ApiRequest): Promise<Answer> {
  const [name, vin] = path.slice(CONTROL_PATH.length).split('/');
  const given = readBody(body) ?? {};
  switch (`${method} ${name}`) {
    case 'GET state':
      return json(200, stateOf(api));
    case 'POST faults':
      api.faults.add(given as unknown as Fault);
      return json(200, {});
    case 'POST clear_faults':
      api.faults.clear();
      return json(200, {});
    case 'POST revoke_sign_in':
      api.revokeSignIn();
      return json(200, {});
    case 'POST pair': {
      const problem = api.pair(String(given.domain), given.vin === undefined ? undefined : String(given.vin));
      return problem === undefined ? json(200, {}) : failure(404, problem);
    }
    case 'PATCH account':
      await api.changeAccount(given);
      return json(200, {});
    case 'PATCH vehicles':
      if (vin === undefined || !api.vins.includes(vin)) return failure(404, 'not_found');
      api.changeVehicle(vin, given);
      return json(200, {});
    default:
      return failure(404, 'not_found');
  }
}

function stateOf(api: TeslaApi) {
  return {
    account: api.accountState,
    calls: api.calls.counts(),
    errors: api.errors,
    vehicles: Object.fromEntries(
      api.vins.map((vin) => {
        const { state, isPaired, isConnected, isSynced, isRefused, signals } = api.vehicle(vin);
        return [
          vin,
          {
            state,
            isPaired,
            isConnected,
            isSynced,
            isRefused,
            signals: { total: signals.total, byDay: signals.byDay },
          },
        ];
      }),
    ),
  };
}
