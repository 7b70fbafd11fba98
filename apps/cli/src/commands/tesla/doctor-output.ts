// The report of `doctor`, for people and as JSON.
import { printable } from '@fleetbridge/service';
import type { StoredDoctorReport } from '@fleetbridge/store';
import { checks, type DoctorReport, type Finding } from '@fleetbridge/tesla-setup';

const marks = { green: '✓', yellow: '!', red: '✕', grey: '–' } as const;
const WIDTH = Math.max(...Object.values(checks).map((title) => title.length));

/** One line per check, and its remedy. Green findings of several vehicles share a line, and grey ones with one reason. */
export function reportLines({ colour, findings }: DoctorReport): string[] {
  const checked = findings.filter((finding) => finding.colour !== 'grey');
  const lines = Object.keys(checks).flatMap((check) => linesOf(checked.filter((finding) => finding.check === check)));
  const count = (wanted: Finding['colour']) => findings.filter((finding) => finding.colour === wanted).length;
  const parts = [countOf(count('red'), 'problem'), countOf(count('yellow'), 'warning'), `${count('grey')} not checked`];
  return [...lines, ...notCheckedLines(findings), '', `${colour}: ${parts.join(', ')}`];
}

/** One object. */
export function reportJson({ checkedMs, colour, findings }: DoctorReport): string {
  const titled = findings.map(({ check, ...finding }) => ({ check, title: checks[check], ...finding }));
  return JSON.stringify({ colour, checked: new Date(checkedMs).toISOString(), findings: titled });
}

/** As the status page shows it. */
export function storedReport({ checkedMs, findings }: DoctorReport): StoredDoctorReport {
  return {
    checkedMs,
    findings: findings.map(({ check, colour, text, vin, remedy }) => ({
      title: checks[check],
      colour,
      text,
      ...(vin === undefined ? {} : { vin }),
      ...(remedy === undefined ? {} : { remedy }),
    })),
  };
}

function linesOf(findings: readonly Finding[]): string[] {
  const isShared = findings.length > 1;
  const [good, others] = [
    findings.filter(({ colour }) => colour === 'green'),
    findings.filter(({ colour }) => colour !== 'green'),
  ];
  const shared =
    isShared && good.length > 1 ? [{ ...good[0]!, vin: undefined, text: `${good.length} vehicles` }] : good;
  return [...others, ...shared].flatMap((finding) => findingLines(finding, isShared));
}

function findingLines({ check, colour, text, vin, remedy }: Finding, isShared: boolean): string[] {
  // parts of texts come from Tesla and from certificates
  const [shown, advice] = [printable(text), printable(remedy ?? '')];
  const whose = vin !== undefined && (isShared || remedy !== undefined) ? `${vin}: ` : '';
  const line = `${marks[colour]} ${checks[check].padEnd(WIDTH)}  ${whose}${shown}`;
  return remedy === undefined ? [line] : [line, `${' '.repeat(WIDTH + 4)}→ ${advice}`];
}

/** By reason. */
function notCheckedLines(findings: readonly Finding[]): string[] {
  const titles = new Map<string, Set<string>>();
  for (const { check, colour, text } of findings) {
    if (colour === 'grey') titles.set(text, (titles.get(text) ?? new Set()).add(checks[check]));
  }
  if (titles.size === 0) return [];
  const lines = [...titles].flatMap(([reason, names]) => [
    `${marks.grey} ${printable(reason)}`,
    `    ${[...names].join(', ')}`,
  ]);
  return ['', 'Not checked:', ...lines];
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
