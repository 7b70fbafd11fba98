// The control of the stand-in over HTTP, for tests that run it as a process: `/_stand_in/…`, on loopback like the rest.
import { type Answer, type ApiRequest, failure, json, readBody } from './answer.js';
import { readAccountChange, readFault, readPairing, readVehicleChange } from './control-input.js';
import type { TeslaApi } from './tesla-api.js';

export const CONTROL_PATH = '/_stand_in/';

/** GET state; POST faults, clear_faults, pair, revoke_sign_in; PATCH account, vehicles/<VIN>. */
export function control(api: TeslaApi, { method, path, body }: ApiRequest): Answer | Promise<Answer> {
  const [name, vin] = path.slice(CONTROL_PATH.length).split('/');
  const given = body === '' ? {} : readBody(body);
  if (given === undefined) return failure(400, 'expected a JSON object as body.');
  switch (`${method} ${name}`) {
    case 'GET state':
      return json(200, stateOf(api));
    case 'POST faults':
      return accept(readFault(given), (fault) => api.faults.add(fault));
    case 'POST clear_faults':
      return accept({}, () => api.faults.clear());
    case 'POST revoke_sign_in':
      return accept({}, () => api.revokeSignIn());
    case 'POST pair':
      return accept(readPairing(given), ({ domain, vin: ofVehicle }) => api.pair(domain, ofVehicle));
    case 'PATCH account':
      return accept(readAccountChange(given), (change) => api.changeAccount(change));
    case 'PATCH vehicles':
      if (vin === undefined || !api.vins.includes(vin)) return failure(404, 'not_found');
      return accept(readVehicleChange(given), (change) => api.changeVehicle(vin, change));
    default:
      return failure(404, 'not_found');
  }
}

/** 400 for a mistake in the request, 404 with the reason when it can't be done. */
async function accept<T>(
  read: T | string,
  act: (input: T) => string | undefined | void | Promise<void>,
): Promise<Answer> {
  if (typeof read === 'string') return failure(400, read);
  const problem = await act(read);
  return problem === undefined ? json(200, {}) : failure(404, problem);
}

function stateOf(api: TeslaApi) {
  return {
    account: api.accountState,
    calls: api.calls.counts(),
    errors: api.errors,
    vehicles: Object.fromEntries(
      api.vins.map((vin) => {
        const { state, isPaired, isConnected, isSynced, isRefused, signals, executions } = api.vehicle(vin);
        return [
          vin,
          {
            state,
            isPaired,
            isConnected,
            isSynced,
            isRefused,
            executions,
            signals: { total: signals.total, byDay: signals.byDay },
          },
        ];
      }),
    ),
  };
}
