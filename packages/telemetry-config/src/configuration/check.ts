// Every mistake in a telemetry configuration, each with its remedy. Tesla accepts some of them, and vehicles then send
// nothing and report nothing.
import { signalCatalogue, signalFacts } from '../catalogue/index.js';

export interface Mistake {
  /** `port`, `fields.Soc.interval_seconds`. */
  path: string;
  problem: string;
  remedy: string;
}

export interface CheckOptions {
  nowSeconds: number;
}

const YEAR_SECONDS = 366 * 86_400;
/** Epoch seconds of the year 5138; a larger number is in milliseconds. */
const MAX_SECONDS = 1e11;
const keys = ['hostname', 'port', 'ca', 'fields', 'alert_types', 'prefer_typed', 'delivery_policy', 'exp'];
const fieldKeys = ['interval_seconds', 'minimum_delta', 'resend_interval_seconds', 'include_fields'];
/** These two may include only each other. */
const mileSignals = ['MilesSinceReset', 'SelfDrivingMilesSinceReset'];

type Report = (path: string, problem: string, remedy: string) => void;

/** Empty when the configuration is right. Takes anything, such as a file that somebody has written. */
export function checkConfiguration(value: unknown, { nowSeconds }: CheckOptions): Mistake[] {
  const mistakes: Mistake[] = [];
  const report: Report = (path, problem, remedy) => mistakes.push({ path, problem, remedy });
  if (!isObject(value)) {
    report('', 'not an object', 'write the configuration as a JSON object');
    return mistakes;
  }
  for (const key of Object.keys(value))
    if (!keys.includes(key)) report(key, 'unknown key', `use only ${keys.join(', ')}`);
  checkDestination(value, nowSeconds, report);
  checkOptions(value, report);
  if (!isObject(value.fields) || Object.keys(value.fields).length === 0)
    report('fields', 'no fields', 'name at least one signal with its interval_seconds');
  else for (const [name, settings] of Object.entries(value.fields)) checkField(name, settings, report);
  return mistakes;
}

function checkDestination(value: Record<string, unknown>, nowSeconds: number, report: Report): void {
  const { hostname, port, ca, exp } = value;
  if (typeof hostname !== 'string' || !/^(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(hostname))
    report(
      'hostname',
      'not a host name',
      'give the name alone, such as telemetry.example.com, without https:// or a port',
    );
  if (typeof port === 'string')
    report('port', 'text', 'write the port as a number without quotes: Tesla accepts text, but vehicles ignore it');
  else if (!isWhole(port) || port < 1 || port > 65_535) report('port', 'not a port', 'use a number from 1 to 65535');
  if (typeof ca !== 'string' || !ca.includes('-----BEGIN CERTIFICATE-----'))
    report('ca', 'no PEM certificate', 'give the chain that signs the server certificate, the root included');
  else if (ca.includes('PRIVATE KEY'))
    report('ca', 'contains a private key', 'remove the key: the configuration is public to Tesla and the vehicle');
  if (exp === undefined) return;
  if (typeof exp !== 'number' || !Number.isInteger(exp)) report('exp', 'not a whole number', 'use epoch seconds');
  else if (exp > MAX_SECONDS) report('exp', 'in milliseconds', 'use epoch seconds');
  else if (exp <= nowSeconds) report('exp', 'in the past', 'use a later time');
  else if (exp > nowSeconds + YEAR_SECONDS) report('exp', 'more than a year ahead', 'use a time within a year');
}

function checkOptions({ alert_types, prefer_typed, delivery_policy }: Record<string, unknown>, report: Report): void {
  if (
    alert_types !== undefined &&
    !(isTexts(alert_types) && alert_types.every((type) => /^(service|customer)$/.test(type)))
  )
    report('alert_types', 'unknown type of alert', 'use a list of service and customer');
  if (prefer_typed !== undefined && typeof prefer_typed !== 'boolean')
    report('prefer_typed', 'not true or false', 'use true');
  if (delivery_policy !== undefined && delivery_policy !== 'latest')
    report('delivery_policy', 'unknown policy', 'use latest, or leave it out to get all records');
}

function checkField(name: string, settings: unknown, report: Report): void {
  const path = `fields.${name}`;
  if (!signalFacts(name)) report(path, 'unknown signal', adviceFor(name));
  if (!isObject(settings)) {
    report(path, 'not an object', 'write {"interval_seconds": 60}');
    return;
  }
  for (const key of Object.keys(settings))
    if (!fieldKeys.includes(key)) report(`${path}.${key}`, 'unknown key', `use only ${fieldKeys.join(', ')}`);
  const { interval_seconds: interval, resend_interval_seconds: resend } = settings;
  if (!isWhole(interval) || interval < 1)
    report(`${path}.interval_seconds`, 'not a whole number of at least 1', 'use seconds, 1 or more, without quotes');
  if (resend !== undefined && (!isWhole(resend) || resend < 1))
    report(`${path}.resend_interval_seconds`, 'not a whole number of at least 1', 'use seconds, such as 300');
  else if (isWhole(interval) && isWhole(resend) && resend < interval)
    report(`${path}.resend_interval_seconds`, 'shorter than the interval', 'use at least interval_seconds');
  checkDelta(name, settings.minimum_delta, report);
  if (settings.include_fields !== undefined) checkIncluded(name, settings.include_fields, report);
}

function checkDelta(name: string, delta: unknown, report: Report): void {
  const path = `fields.${name}.minimum_delta`;
  const type = signalFacts(name)?.type;
  if (name === 'SelfDrivingMilesSinceReset' && !(typeof delta === 'number' && delta >= 1))
    report(path, 'below 1', 'set it to 1 or more: without it, vehicles never send this signal');
  if (delta === undefined) return;
  if (typeof delta !== 'number' || !Number.isFinite(delta) || delta < 0)
    report(path, 'not a number of at least 0', "use a number in the signal's unit, without quotes");
  else if (type !== undefined && !['real', 'integer', 'location', 'unknown'].includes(type))
    report(path, `the signal is no number (${type})`, 'remove minimum_delta');
}

function checkIncluded(name: string, included: unknown, report: Report): void {
  const path = `fields.${name}.include_fields`;
  if (!isTexts(included) || included.length === 0) {
    report(path, 'not a list of signals', 'use a list of names, or leave it out');
    return;
  }
  if (new Set(included).size < included.length) report(path, 'a signal twice', 'name each signal once');
  for (const one of included) {
    if (one === name) report(path, `${one} includes itself`, `remove ${one}`);
    else if (!signalFacts(one)) report(path, `unknown signal ${one}`, adviceFor(one));
    else if (mileSignals.includes(name) !== mileSignals.includes(one))
      report(path, `${name} can't include ${one}`, `${mileSignals.join(' and ')} may include only each other`);
  }
}

function adviceFor(name: string): string {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  const nearest = [...signalCatalogue.keys()].find((known) => known.toLowerCase() === plain);
  return nearest === undefined ? 'use a name of the list of signals (docs/protocol/vehicle.md)' : `write ${nearest}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
