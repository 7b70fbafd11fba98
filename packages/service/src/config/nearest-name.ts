// "Did you mean …": the known name with the fewest typing errors; capitals do not count.

/** The known name nearest to `name`, or undefined when all are too different. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  // With more than a third of the letters wrong a guess is rarely right.
  let limit = Math.max(2, Math.floor(name.length / 3));
  let nearest: string | undefined;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    const hasNothingInCommon = distance >= Math.max(name.length, candidate.length);
    if (distance > limit || hasNothingInCommon) continue;
    nearest = candidate;
    limit = distance - 1;
  }
  return nearest;
}

/** Insertions, deletions and replacements of one letter (Levenshtein), with two rows of the table. */
export function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = above[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return above[to.length]!;
}
