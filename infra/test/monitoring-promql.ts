// The metrics and labels that a PromQL expression refers to. Enough of the grammar for dashboards and rules; Prometheus
// itself checks whole expressions.

export interface Reference {
  metric: string;
  /** The labels in its own selector. */
  labels: string[];
}

export interface References {
  selectors: Reference[];
  /** Labels in `by (…)`, `on (…)` and the like; a metric of the expression must have them. */
  grouping: string[];
}

const WORDS = new Set('and or unless bool offset inf nan by on without ignoring group_left group_right'.split(' '));
const TOKEN = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\{[^}]*\}|[a-zA-Z_:][\w:]*|[()]|\d[\w.]*|\S/g;

export function referencesOf(expression: string): References {
  const tokens = expression.match(TOKEN) ?? [];
  const selectors: Reference[] = [];
  const grouping: string[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (!/^[a-zA-Z_:]/.test(token)) continue;
    const next = tokens[at + 1];
    if (WORDS.has(token)) {
      if (!['by', 'on', 'without', 'ignoring', 'group_left', 'group_right'].includes(token) || next !== '(') continue;
      for (at += 2; tokens[at] !== ')'; at++) if (/^\w+$/.test(tokens[at]!)) grouping.push(tokens[at]!);
    } else if (next !== '(' && !(next !== undefined && ['by', 'without'].includes(next))) {
      selectors.push({ metric: token, labels: next?.startsWith('{') ? labelsOf(next) : [] });
    }
  }
  return { selectors, grouping };
}

/** A dashboard's expression as Prometheus can evaluate it: with values in place of Grafana's variables. */
export function withValues(expression: string, values: Record<string, string>): string {
  return expression.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value for ${whole} in ${expression}`);
    return value;
  });
}

function labelsOf(selector: string): string[] {
  return [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label]) => label!);
}
