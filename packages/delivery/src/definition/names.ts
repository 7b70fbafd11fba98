// Topics and VINs of a new definition that can't match any record: a subscription with them would deliver nothing, without an error.
import { isVehicleVin, topics } from '@fleetbridge/protocol';
import { nearestName } from '@fleetbridge/service';

export interface NewNames {
  /** EXTRA_TOPICS. */
  extraTopics: readonly string[];
  /** Accept VINs of simulated vehicles and other clients, which need not have 17 characters. */
  anyVin?: boolean;
}

export function mistakesOfNames(given: unknown, at: string, { extraTopics, anyVin = false }: NewNames) {
  const { topics: wantedTopics, vins } = Object(given) as { topics?: unknown; vins?: unknown };
  const known = [...topics, ...extraTopics];
  return [
    ...mistakesIn(wantedTopics, `${at}.topics`, (topic) => {
      if (known.includes(topic)) return undefined;
      const nearest = nearestName(topic, known);
      const guess = nearest === undefined ? '' : `; did you mean ${nearest}?`;
      return `unknown topic "${topic}", expected ${known.join(', ')}${guess} (topics of your own: EXTRA_TOPICS)`;
    }),
    ...mistakesIn(vins, `${at}.vins`, (vin) => {
      if (anyVin || isVehicleVin(vin)) return undefined;
      return `"${vin}" is no VIN: expected 17 letters and digits without I, O and Q`;
    }),
  ];
}

function mistakesIn(list: unknown, path: string, problemOf: (text: string) => string | undefined) {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item, index) => {
    const problem = typeof item === 'string' ? problemOf(item) : undefined;
    return problem === undefined ? [] : [{ path: `${path}[${index}]`, problem }];
  });
}
