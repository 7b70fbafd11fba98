// Executes commands: what a client asks for is checked, waits for its turn, is signed or forwarded, and audited. Nothing is
// signed again after an unknown outcome (docs/protocol/commands.md#never-twice); telemetry may then show the effect.
import {
  acquireTurn,
  CommandAudit,
  CommandProtocols,
  commandSessions,
  releaseTurn,
  type Store,
} from '@fleetbridge/store';
import {
  type Clock,
  type CommandKey,
  type CommandResponse,
  type Confirmation,
  commandTable,
  confirmationsOf,
  executePrepared,
  type PreparedCommand,
  prepareCommand,
  readBody,
  type SignerParts,
  type StatusCodes,
} from '@fleetbridge/vehicle-command';
import { commandAnswer, type GatewayOutcome, outcomeName } from './answer.js';
import { type LimitedUpstream, limitedUpstream } from './limited-upstream.js';
import { createReachability, type Reachability } from './reachability.js';
import { type RestResult, sendRestCommand } from './rest-command.js';
import type { Moment, TelemetryView } from './telemetry-view.js';
import type { CommandAccount, OpenedAccount, UnusableAccount } from './upstream.js';
import { type WakeResult, wake } from './wake.js';

export interface VehicleCommandsOptions {
  store: Store;
  telemetry: Pick<TelemetryView, 'isConnected' | 'isAway' | 'moment' | 'isConfirmed' | 'waitFor'>;
  account: CommandAccount;
  codes: StatusCodes;
  clock: Clock;
  randomBytes: (count: number) => Uint8Array;
  observe: CommandObserver;
  log: { info(fields: object, event: string): void; warn(fields: object, event: string): void };
}

export interface CommandObserver {
  onCall(kind: 'command' | 'wake'): void;
  onOutcome(command: string, outcome: string): void;
}

/** Of a request, for the audit. */
export interface Client {
  /** Its principal. */
  who: string;
  /** Of its token. */
  label?: string;
}

export interface CommandRequest {
  vin: string;
  name: string;
  /** As received. */
  body: string;
  client: Client;
  /** A vehicle that is away is woken first, for so long. */
  wakeMs: number;
}

/** Of a request, without waking. Clients such as evcc wait 10 seconds. */
const TIME_LIMIT_MS = 10_000;
/** Of a refresh of the access token, which is needed every few hours. */
const ACCOUNT_TIME_LIMIT_MS = 5_000;
/** Longer than a command may take. After a crash the vehicle is available again when it has passed. */
const TURN_MS = 12_000;
/** How long an unknown outcome waits for a signal that shows the effect. */
const CONFIRMATION_MS = 5_000;

interface LimitedAccount extends OpenedAccount {
  upstream: LimitedUpstream;
}

interface Run {
  request: CommandRequest;
  key: CommandKey;
  upstream: LimitedUpstream;
  deadlineMs: number;
}

export class VehicleCommands {
  readonly #options: VehicleCommandsOptions;
  readonly #audit: CommandAudit;
  readonly #protocols: CommandProtocols;
  readonly #reachability: Reachability;

  constructor(options: VehicleCommandsOptions) {
    this.#options = options;
    this.#audit = new CommandAudit(options.store);
    this.#protocols = new CommandProtocols(options.store);
    const { telemetry, clock } = options;
    this.#reachability = createReachability({ telemetry, monotonicMs: clock.monotonicMs });
  }

  async execute(request: CommandRequest): Promise<CommandResponse> {
    const account = await this.#open();
    const outcome = account.kind === 'opened' ? await this.#outcome(request, account) : account;
    await this.#record(request, outcome, account.kind === 'opened' ? account.upstream.calls : 0);
    return commandAnswer(outcome, this.#options.codes);
  }

  async wake({ vin, client, waitMs }: { vin: string; client: Client; waitMs: number }): Promise<WakeResult> {
    const account = await this.#open();
    if (account.kind !== 'opened') {
      return (await this.#reachability.isConnected(vin)) ? { kind: 'online' } : account;
    }
    const { upstream } = account;
    const result = await this.#wake(vin, waitMs, upstream);
    const outcome = result.kind === 'http_error' ? outcomeName(result) : result.kind;
    if (upstream.calls > 0) await this.#write({ vin, ...client, command: 'wake_up', outcome, calls: upstream.calls });
    return result;
  }

  async #open(): Promise<LimitedAccount | UnusableAccount | { kind: 'not_ready' }> {
    const { account, store, observe, log } = this.#options;
    try {
      const opened = await account.open({ timeoutMs: ACCOUNT_TIME_LIMIT_MS });
      if (opened.kind !== 'opened') return opened;
      const { upstream } = opened;
      return { ...opened, upstream: limitedUpstream({ store, upstream, onCall: (kind) => observe.onCall(kind) }) };
    } catch (err) {
      log.warn({ err }, 'command_not_executed');
      return { kind: 'not_ready' };
    }
  }

  async #outcome(request: CommandRequest, { key, upstream }: LimitedAccount): Promise<GatewayOutcome> {
    const { clock, log } = this.#options;
    const { vin, name, body, wakeMs } = request;
    const parameters = readBody(body);
    if (parameters === undefined) return { kind: 'invalid_body' };
    const command = prepareCommand(name, parameters, Math.floor(clock.nowMs() / 1000));
    if (command.kind !== 'prepared' && command.kind !== 'rest_command') return command;
    try {
      const prepared = command.kind === 'prepared' ? command : undefined;
      const run = () => ({ request, key, upstream, deadlineMs: clock.monotonicMs() + TIME_LIMIT_MS });
      if (!(await this.#reachability.isAway(vin))) {
        const outcome = await this.#inTurn(run(), prepared);
        if (outcome.kind !== 'unavailable' || wakeMs === 0) return outcome;
      }
      if (wakeMs === 0) return { kind: 'unavailable' };
      const woken = await this.#wake(vin, wakeMs, upstream);
      if (woken.kind === 'asleep') return { kind: 'unavailable' };
      return woken.kind === 'online' ? await this.#inTurn(run(), prepared) : woken;
    } catch (err) {
      // Redis: before the first call, or between calls after which nothing was executed
      log.warn({ err, vin, command: name }, 'command_not_executed');
      return { kind: 'not_ready' };
    }
  }

  async #inTurn(run: Run, command: PreparedCommand | undefined): Promise<GatewayOutcome> {
    const { store, clock, telemetry } = this.#options;
    const { vin } = run.request;
    const acquired = await acquireTurn(store, {
      vin,
      waitMs: this.#timeLeftMs(run),
      turnMs: TURN_MS,
      monotonicMs: clock.monotonicMs,
      sleep: clock.sleep,
    });
    if (acquired.kind === 'queue_full') return acquired;
    if (acquired.kind === 'timed_out') return { kind: 'turn_timed_out' };
    const { turn } = acquired;
    const confirmations = command === undefined ? [] : confirmationsOf(command);
    let outcome: GatewayOutcome;
    let before: Moment;
    try {
      before = await telemetry.moment(vin);
      outcome =
        command === undefined
          ? await this.#forward(run)
          : await this.#signOrForward(run, command, this.#parts(run, turn));
    } finally {
      await releaseTurn(store, turn).catch(() => undefined);
    }
    if (outcome.kind === 'unavailable') this.#reachability.noteOffline(vin, before);
    if (outcome.kind !== 'unknown' || confirmations.length === 0) return outcome;
    const isConfirmed = await this.#isConfirmed(run, confirmations, before).catch(() => false);
    return isConfirmed ? { kind: 'confirmed' } : outcome;
  }

  /** Signals arrive within seconds, if the vehicle is connected. */
  async #isConfirmed(run: Run, confirmations: readonly Confirmation[], before: Moment): Promise<boolean> {
    const { telemetry, clock } = this.#options;
    const { vin } = run.request;
    const untilMs = Math.min(run.deadlineMs, clock.monotonicMs() + CONFIRMATION_MS);
    const isWorthWaiting = await telemetry.isConnected(vin);
    return await telemetry.waitFor(
      () => telemetry.isConfirmed(vin, confirmations, before),
      () => isWorthWaiting && clock.monotonicMs() < untilMs,
    );
  }

  async #signOrForward(run: Run, command: PreparedCommand, parts: SignerParts): Promise<GatewayOutcome> {
    const { vin } = run.request;
    if ((await this.#protocols.of(vin)) === 'rest') {
      const rest = await this.#rest(run);
      if (rest.kind === 'answered') return rest.outcome;
      await this.#learn(vin, 'signed');
    }
    const { outcome, isVehicleKeyReplaced } = await executePrepared(
      command,
      { vin, timeoutMs: this.#timeLeftMs(run) },
      parts,
    );
    if (isVehicleKeyReplaced) this.#options.log.warn({ vin }, 'vehicle_key_replaced');
    if (outcome.kind !== 'needs_rest') return outcome;
    await this.#learn(vin, 'rest');
    return await this.#forward(run);
  }

  async #forward(run: Run): Promise<GatewayOutcome> {
    return (await this.#rest(run)).outcome;
  }

  async #rest(run: Run): Promise<RestResult> {
    const { vin, name, body } = run.request;
    const row = commandTable.get(name);
    const repeat = row?.via === 'signed' ? row.repeat : 'toggle';
    const timeoutMs = this.#timeLeftMs(run);
    if (timeoutMs === 0) return { kind: 'answered', outcome: { kind: 'gave_up' } } satisfies RestResult;
    return await sendRestCommand(run.upstream, { vin, name, body, timeoutMs, repeat });
  }

  /** What was learned saves a call; without it, it is learned again. */
  async #learn(vin: string, protocol: 'signed' | 'rest'): Promise<void> {
    await this.#protocols.learn(vin, protocol).catch(() => undefined);
  }

  #parts({ key, upstream }: Run, turn: Parameters<typeof commandSessions>[1]): SignerParts {
    const { store, clock, randomBytes } = this.#options;
    return {
      key,
      sessions: commandSessions(store, turn),
      transport: { send: (vin, message, limit) => upstream.signedCommand(vin, message, limit) },
      clock,
      randomBytes,
    };
  }

  async #wake(vin: string, waitMs: number, upstream: LimitedUpstream): Promise<WakeResult> {
    const { telemetry, clock } = this.#options;
    const { monotonicMs } = clock;
    return await wake(vin, waitMs, { upstream, telemetry, reachability: this.#reachability, monotonicMs });
  }

  #timeLeftMs({ deadlineMs }: Run): number {
    return Math.max(0, deadlineMs - this.#options.clock.monotonicMs());
  }

  async #record({ vin, name, client }: CommandRequest, outcome: GatewayOutcome, calls: number): Promise<void> {
    // a client's text is no name, and not kept
    const command = commandTable.has(name) ? name : 'other';
    await this.#write({ vin, ...client, command, outcome: outcomeName(outcome), calls });
  }

  /** A Redis that fails now must not hide the outcome. */
  async #write(audited: Parameters<CommandAudit['add']>[0]): Promise<void> {
    const { observe, log } = this.#options;
    observe.onOutcome(audited.command, audited.outcome);
    log.info({ ...audited }, 'command_answered');
    await this.#audit.add(audited).catch((err) => log.warn({ err, ...audited }, 'command_audit_failed'));
  }
}
