// Tesla's prices in US dollars, as documented in 2026.

export const usageKinds = ['signals', 'requests', 'commands', 'wakes'] as const;
export type UsageKind = (typeof usageKinds)[number];
export type Usage = Readonly<Record<UsageKind, number>>;

export const prices = {
  /** How many of each cost one dollar. */
  perDollar: { signals: 150_000, requests: 500, commands: 1_000, wakes: 50 } satisfies Usage,
  /** Free per month and account. */
  monthlyCreditDollars: 10,
} as const;

/** Before the monthly credit. */
export function dollarsOf(usage: Partial<Usage>): number {
  return usageKinds.reduce((sum, kind) => sum + (usage[kind] ?? 0) / prices.perDollar[kind], 0);
}
