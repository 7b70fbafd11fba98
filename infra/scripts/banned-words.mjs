// The words that check-words.mjs rejects, as data: the idiom that this repository no longer uses, with what to write
// instead, and the right uses of these words. CONTRIBUTING.md describes the rules behind the list.

/** Word or phrase to what to write instead. Words are also searched in the parts of identifiers (`lastHeardMs`). */
export const banned = new Map([
  ['told', 'logged, reported, notified'],
  ['tell', 'log, report, notify'],
  ['tells', 'logs, reports, notifies'],
  ['heard', 'received'],
  ['hear', 'receive'],
  ['hears', 'receives'],
  ['said', 'logged, sent, reported'],
  ['say', 'log, send, report'],
  ['says', 'logs, sends, reports'],
  ['taken', 'accepted, acquired, loaded, in use'],
  ['stands', 'is'],
  ['none', 'no …, 0'],
  ['such', 'name the thing'],
  ['anew', 'again'],
  ['whoever', 'a client that, the process that'],
  ['nobody', 'no …'],
  ['is had', 'is available'],
  ['to be had', 'available'],
  ['makes of', 'derives from'],
  ['goes on', 'continues'],
  ['go on', 'continue'],
  ['went on', 'continued'],
  ['gone on', 'continued'],
  ['is to be', 'must be, will be'],
  ['are to be', 'must be, will be'],
  ['for ever', 'permanently, without end'],
  ['a word', 'a message, an entry'],
  ['newest word', 'latest entry'],
  ['left over', 'stale, remaining'],
  ['a life of', 'state'],
]);

/** Right uses. `pattern` is removed from a text before the search; `files` restricts it to paths. */
export const allowed = [
  { pattern: /\bsuch as\b/gi, reason: 'plain English' },
  { pattern: /\bno such (?:file|key)\b/gi, reason: "the operating system's and Redis's own error texts" },
  { pattern: /\bno[./]such\b/g, reason: 'names of missing things in tests' },
  { pattern: /^none$|(['"`])none\1/gi, reason: 'a value of a public setting, header or CSS property' },
  { pattern: /\b(?:AUTH|ALLOWED_VINS)=none\b/g, reason: 'a value of a public setting' },
  {
    pattern: /\b(?:display|flex|list-style|border|outline|text-decoration|background|float|appearance)\s*:\s*none\b/g,
    reason: 'CSS',
  },
  { pattern: /default-src 'none'/g, reason: 'Content-Security-Policy' },
  { pattern: /\btoken, none\b/g, reason: 'values of a public setting' },
  { pattern: /network_mode: none|type: none, o: bind/g, reason: 'values of compose' },
  { pattern: /\bAUTH_NONE_ANYWHERE\b/g, reason: 'a public variable' },
  { pattern: /\b(?:fleetbridge_vehicle_)?heard_timestamp_seconds\b/g, reason: 'a public metric' },
  { pattern: /\bAckPolicy\.None\b/g, reason: 'a name of the NATS client' },
];

/** Files that are not ours to word, or that quote the list. */
export const exempt = [
  { pattern: /^infra\/scripts\/banned-words\.mjs$/, reason: 'the list itself' },
  { pattern: /^infra\/test\/check-words\.test\.ts$/, reason: 'quotes the list' },
  { pattern: /\/gen\//, reason: 'generated from proto/' },
  { pattern: /\/fixtures\//, reason: 'recorded data' },
  { pattern: /^CHANGELOG\.md$/, reason: 'names log events of earlier releases' },
];
