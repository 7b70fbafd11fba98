// Parameters of a command: their declaration as data, and reading them from the JSON body of a request. JSON types are
// strict as in tesla-http-proxy: "5" is not a number, 1 is not a boolean; unknown parameters are ignored.

export type ParameterType = 'number' | 'integer' | 'id' | 'boolean' | 'string';

export interface Parameter {
  /** `integer`: 32 bits, a fraction is cut off. `id`: a whole number that is not negative. */
  type: ParameterType;
  description: string;
  isRequired: boolean;
  /** Used if the parameter is missing and not required. */
  fallback: number | boolean | string;
  /** Another name that clients use. */
  alias?: string;
  /** Name of a boolean parameter: this one is read only if that one is true. */
  onlyIf?: string;
}

export type Parameters = Record<string, Parameter>;
export type ValuesOf<P extends Parameters> = { [K in keyof P]: ValueOf<P[K]['type']> };
type ValueOf<T extends ParameterType> = T extends 'boolean' ? boolean : T extends 'string' ? string : number;

/** A parameter that a client has to correct. */
export interface Refusal {
  kind: 'parameter_error';
  /** `nominal`: the shape of a vehicle's refusal, `{"response":{"result":false,"reason":…}}`. */
  form: 'nominal' | 'plain';
  text: string;
  /** tesla-http-proxy answers some with 500, after the handshake. */
  proxyStatus: 400 | 500;
}

type Options = { fallback?: number | boolean | string; alias?: string; onlyIf?: string };
type Declared<T extends ParameterType> = Parameter & { type: T };

export function required<T extends ParameterType>(type: T, description: string, options: Options = {}): Declared<T> {
  return { type, description, isRequired: true, fallback: zeroOf(type), ...options };
}

export function optional<T extends ParameterType>(type: T, description: string, options: Options = {}): Declared<T> {
  return { type, description, isRequired: false, fallback: zeroOf(type), ...options };
}

export function refuse(form: Refusal['form'], text: string, proxyStatus: Refusal['proxyStatus'] = 400): Refusal {
  return { kind: 'parameter_error', form, text, proxyStatus };
}

/** The value of each declared parameter, or what is wrong with the first one. */
export function readParameters(
  parameters: Parameters,
  body: Record<string, unknown>,
): Record<string, number | boolean | string> | Refusal {
  const values: Record<string, number | boolean | string> = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    values[name] = parameter.fallback;
    if (parameter.onlyIf !== undefined && values[parameter.onlyIf] !== true) continue;
    const given = givenValue(body, name, parameter.alias);
    if (given === undefined) {
      if (parameter.isRequired) return refuse('nominal', `missing ${name} param`);
      continue;
    }
    const value = readers[parameter.type](given);
    if (value === undefined) return refuse('nominal', `invalid ${name} param`);
    values[name] = value;
  }
  return values;
}

function givenValue(body: Record<string, unknown>, name: string, alias: string | undefined): unknown {
  if (Object.hasOwn(body, name)) return body[name];
  return alias !== undefined && Object.hasOwn(body, alias) ? body[alias] : undefined;
}

const readers: Record<ParameterType, (value: unknown) => number | boolean | string | undefined> = {
  // JSON.parse turns 1e999 into Infinity
  number: (value) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined),
  integer: (value) => wholeNumber(value, -(2 ** 31), 2 ** 31 - 1),
  id: (value) => wholeNumber(value, 0, Number.MAX_SAFE_INTEGER),
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  string: (value) => (typeof value === 'string' ? value : undefined),
};

function wholeNumber(value: unknown, lowest: number, highest: number): number | undefined {
  if (typeof value !== 'number') return undefined;
  const whole = Math.trunc(value) + 0; // + 0: no negative zero
  return whole >= lowest && whole <= highest ? whole : undefined;
}

function zeroOf(type: ParameterType): number | boolean | string {
  if (type === 'boolean') return false;
  return type === 'string' ? '' : 0;
}
