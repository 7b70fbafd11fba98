// Renders the status page: one self-contained HTML document without scripts. Pure.
import { createHash } from 'node:crypto';
import type { StoredFinding, SubscriptionSeen, VehicleSeen } from '@fleetbridge/store';
import { nextStep, type StatusFacts, type Step, statusSteps, summaryOf } from './status-steps.js';

const RELOAD_SECONDS = 10;

export function statusPage(facts: StatusFacts): string {
  const steps = statusSteps(facts);
  const summary = summaryOf(facts);
  const isComplete = steps.every(({ state }) => state === 'done' || state === 'pending');
  const next = nextSection(steps);
  const data = [vehiclesSection(facts), subscriptionsSection(facts), doctorSection(facts)];
  // People come for the vehicles, once nothing is left to correct.
  const sections = isComplete
    ? [...data, next, setupSection(steps, { isOpen: false })]
    : [next, setupSection(steps, { isOpen: true }), ...data];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="${RELOAD_SECONDS}">
<title>fleetbridge: ${facts.readiness.ready ? 'ready' : 'not ready'}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>fleetbridge</h1>
<p class="badge ${summary.state}">${summary.text}</p>
</header>
<main>
${sections.filter(Boolean).join('\n')}
</main>
<footer>
<p>fleetbridge ${htmlText(facts.version)}. Generated at <time datetime="${new Date(facts.nowMs).toISOString()}">${timeOf(facts.nowMs)}</time>, reloaded every ${RELOAD_SECONDS} seconds. See also <a href="/readyz">readyz</a>, <a href="/healthz">healthz</a>, <a href="/metrics">metrics</a>; the documentation is in the folder docs of the repository. This page shows no positions and no secrets.</p>
</footer>
</body>
</html>
`;
}

function nextSection(steps: readonly Step[]): string {
  const next = nextStep(steps);
  if (next === undefined) return '';
  return `<section class="next">
<h2>Next step: ${htmlText(next.title)}</h2>
<p>${htmlText(next.text)}</p>
<pre><code>${htmlText(next.remedy ?? '')}</code></pre>
</section>`;
}

function setupSection(steps: readonly Step[], { isOpen }: { isOpen: boolean }): string {
  const list = `<ul class="steps">
${steps.map(stepItem).join('\n')}
</ul>`;
  if (isOpen) return `<section>\n<h2>Setup</h2>\n${list}\n</section>`;
  const done = steps.filter(({ state }) => state === 'done').length;
  const count = done === steps.length ? 'all done' : `${done} of ${steps.length} done`;
  return `<section>\n<details>\n<summary><h2>Setup</h2> ${count}</summary>\n${list}\n</details>\n</section>`;
}

const marks: Record<Step['state'], { sign: string; word: string }> = {
  done: { sign: '✓', word: 'done' },
  missing: { sign: '✕', word: 'missing' },
  warning: { sign: '!', word: 'warning' },
  pending: { sign: '–', word: 'pending' },
};

function stepItem({ title, state, text, remedy }: Step): string {
  const { sign, word } = marks[state];
  const advice =
    remedy === undefined || state === 'done' ? '' : `\n<p class="remedy"><code>${htmlText(remedy)}</code></p>`;
  return `<li class="${state}">
<span class="mark" aria-hidden="true">${sign}</span>
<div><h3>${htmlText(title)} <span class="${state === 'done' ? 'spoken' : 'word'}">${word}</span></h3>
<p>${htmlText(text)}</p>${advice}</div>
</li>`;
}

function vehiclesSection({ log, nowMs }: StatusFacts): string {
  if (log === undefined || log.knownVehicles === 0) return '';
  const { vehicles, knownVehicles } = log;
  const hidden = knownVehicles - vehicles.length;
  const rate = log.recordsPerMinute === 1 ? '1 record' : `${log.recordsPerMinute} records`;
  const rank = ({ connectedSinceMs }: VehicleSeen) => (connectedSinceMs === undefined ? 1 : 0);
  const sorted = [...vehicles].sort((a, b) => rank(a) - rank(b) || (a.vin < b.vin ? -1 : 1));
  return `<section>
<h2>Known vehicles</h2>
<p>${log.connectedVehicles} of ${knownVehicles} connected, ${rate} in the last minute</p>
<table>
<thead><tr><th scope="col">VIN</th><th scope="col">Connected</th><th scope="col">Last record</th></tr></thead>
<tbody>
${sorted.map((vehicle) => vehicleRow(vehicle, nowMs)).join('\n')}
</tbody>
</table>${hidden > 0 ? `\n<p>and ${hidden} more</p>` : ''}
</section>`;
}

function vehicleRow({ vin, connectedSinceMs, lastReceivedMs, isLimited }: VehicleSeen, nowMs: number): string {
  const limited = isLimited ? ', slowed down: over VEHICLE_BYTES_PER_MINUTE' : '';
  const connected = connectedSinceMs === undefined ? 'no' : `for ${durationOf(nowMs - connectedSinceMs)}${limited}`;
  const lastRecord = lastReceivedMs === undefined ? 'never' : timeElement(lastReceivedMs, nowMs);
  return `<tr><th scope="row">${htmlText(vin)}</th><td${isLimited ? ' class="long"' : ''}>${connected}</td><td>${lastRecord}</td></tr>`;
}

function subscriptionsSection({ log }: StatusFacts): string {
  if (log === undefined || log.subscriptions.length === 0) return '';
  return `<section>
<h2>Subscriptions</h2>
<table>
<thead><tr><th scope="col">Name</th><th scope="col">Kind</th><th scope="col">Waiting</th><th scope="col">State</th></tr></thead>
<tbody>
${log.subscriptions.map(subscriptionRow).join('\n')}
</tbody>
</table>
</section>`;
}

function subscriptionRow({ name, kind, waiting, state, isDelivering, deadLetters }: SubscriptionSeen): string {
  const dead = deadLetters === 0 ? '' : `, ${deadLetters} dead letter${deadLetters === 1 ? '' : 's'}`;
  const text = `<span class="${isDelivering ? 'done' : 'warning'}">${htmlText(state)}</span>${dead}`;
  return `<tr><th scope="row">${htmlText(name)}</th><td>${htmlText(kind)}</td><td>${htmlText(waiting)}</td><td class="long">${text}</td></tr>`;
}

const stateOf: Record<StoredFinding['colour'], Step['state']> = {
  green: 'done',
  yellow: 'warning',
  red: 'missing',
  grey: 'pending',
};

/** What the doctor found at its last run; green and grey findings are only counted. */
function doctorSection({ doctor, nowMs, commandLine }: StatusFacts): string {
  if (doctor === undefined) return '';
  const { findings, checkedMs } = doctor;
  const found = findings.filter(({ colour }) => colour === 'red' || colour === 'yellow');
  const count = (wanted: StoredFinding['colour']) => findings.filter(({ colour }) => colour === wanted).length;
  const items = found.map(({ title, colour, text, vin, remedy }) => ({
    title,
    state: stateOf[colour],
    text: vin === undefined ? text : `${vin}: ${text}`,
    ...(remedy === undefined ? {} : { remedy }),
  }));
  const list = items.length === 0 ? '' : `\n<ul class="steps">\n${items.map(stepItem).join('\n')}\n</ul>`;
  return `<section>
<h2>Doctor</h2>
<p>${found.length} to correct, ${count('green')} green, ${count('grey')} not checked, ${timeElement(checkedMs, nowMs)}. Check again: <code>${htmlText(commandLine)} doctor</code></p>${list}
</section>`;
}

function timeElement(ms: number, nowMs: number): string {
  const date = new Date(ms);
  // a time written by a wrong clock may be out of the range of dates
  if (Number.isNaN(date.getTime())) return 'invalid time';
  return `<time datetime="${date.toISOString()}" title="${timeOf(ms)}">${durationOf(nowMs - ms)} ago</time>`;
}

function durationOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Escapes text for elements and for attributes in double quotes. */
export function htmlText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root{color-scheme:light dark;--text:#1b1f24;--quiet:#59636e;--ground:#f6f7f9;--card:#fff;--line:#d9dee4;--done:#17783a;--missing:#b3261e;--warning:#8a5a00;--pending:#59636e;--code:#eef1f4}
@media(prefers-color-scheme:dark){:root{--text:#e6e9ed;--quiet:#9aa4af;--ground:#14171b;--card:#1d2126;--line:#333a42;--done:#58c27d;--missing:#ff8a80;--warning:#e6b450;--pending:#9aa4af;--code:#282e35}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:48rem;padding:1.5rem 1rem 2rem;background:var(--ground);color:var(--text);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
header{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:.5rem 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:0 0 .5rem}h3{font-size:1rem;margin:0}p{margin:.2rem 0}
.badge{border:1px solid;border-radius:999px;padding:.1rem .8rem;font-weight:600}
section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin-top:1rem}
.next{border-left:.3rem solid var(--warning)}
pre{margin:.6rem 0 0;padding:.6rem .8rem;background:var(--code);border-radius:.4rem;white-space:pre-wrap}
code{font-family:ui-monospace,monospace;font-size:.9rem}
.steps{list-style:none;margin:0;padding:0}
.steps li{display:flex;gap:.8rem;padding:.6rem 0;border-top:1px solid var(--line)}.steps li:first-child{border-top:0;padding-top:0}
.steps li>div{min-width:0}
.mark{flex:none;width:1.6rem;height:1.6rem;line-height:1.5rem;border:1px solid;border-radius:50%;text-align:center;font-weight:700}
.word{font-weight:400;font-size:.85rem;color:var(--quiet)}
.spoken{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
summary h2{display:inline}summary{color:var(--quiet);cursor:pointer}details .steps{margin-top:.8rem}
span.warning,.badge.warning{color:var(--warning)}td.long{white-space:normal}
.done .mark,.badge.done{color:var(--done)}.missing .mark,.badge.missing{color:var(--missing)}.warning .mark{color:var(--warning)}.pending .mark{color:var(--pending)}
.remedy{color:var(--quiet)}
table{width:100%;border-collapse:collapse}th,td{text-align:left;padding:.4rem .8rem .4rem 0;border-top:1px solid var(--line);vertical-align:top}
thead th{border-top:0;color:var(--quiet);font-weight:400;font-size:.85rem}tbody th{font:.9rem/1.6 ui-monospace,monospace}td,thead th{white-space:nowrap}
@media(max-width:30rem){tbody th{font-size:.75rem}td{font-size:.85rem}th,td{padding-right:.5rem}td:last-child,th:last-child{padding-right:0}}
footer{margin-top:1rem;color:var(--quiet);font-size:.85rem}a{color:inherit}
`;

/** Allows the style above and nothing else: no script, image, request or frame. */
export const STATUS_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
