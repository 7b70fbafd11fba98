// Tesla compares the last two labels; below a public suffix of two labels, such as co.uk, three belong to the owner.

/** The part of a name that two names of one owner share. */
export function rootOf(name: string): string {
  const labels = name.toLowerCase().split('.');
  const [suffix = '', second = ''] = [...labels].reverse();
  const isTwoPartSuffix = suffix.length === 2 && /^(?:com?|net|org|gov|edu|ac|ne|or|go)$/.test(second);
  return labels.slice(isTwoPartSuffix ? -3 : -2).join('.');
}
