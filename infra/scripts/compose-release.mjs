// Writes the files of a release from those of the clone: compose.release.yaml, which pulls images instead of building
// them, and env.example with its variables.
//
//   node infra/scripts/compose-release.mjs --version 0.2.0 --prefix ghcr.io/<owner>/ --directory <folder>
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const infra = fileURLToPath(new URL('..', import.meta.url));

/** `{ compose, example }`, the texts of the two files. Throws when the sources do not have the expected form. */
export function releaseFiles({ version, prefix, read = (file) => readFileSync(join(infra, file), 'utf8') }) {
  if (!/^[\w][\w.-]{0,127}$/.test(version)) throw new Error(`--version: expected an image tag, got "${version}"`);
  if (!/^[a-z0-9][a-z0-9./:_-]*\/$/.test(prefix)) {
    throw new Error(`--prefix: expected a registry and a path in lower case that end with /, got "${prefix}"`);
  }
  return {
    compose: releaseCompose(read('compose.yaml'), { version, prefix, caddyfile: read('caddy/Caddyfile') }),
    example: releaseExample(read('.env.example'), { version, prefix }),
  };
}

function releaseCompose(text, { version, prefix, caddyfile }) {
  const image = (_, app) =>
    `$\{FLEETBRIDGE_IMAGE_PREFIX:-${prefix}}fleetbridge-${app}:$\{FLEETBRIDGE_VERSION:-${version}}`;
  let release = text;
  const replace = (what, pattern, by) => {
    if (release.search(pattern) < 0) throw new Error(`compose.yaml: ${what} not found`);
    release = release.replace(pattern, typeof by === 'string' ? () => by : by);
  };
  replace(
    'header',
    /^# fleetbridge on one machine.*\n/,
    '# fleetbridge on one machine, with the images of a release. Save it as compose.yaml, then: docker compose up -d\n',
  );
  replace('x-build', /^x-build:.*\n(?: .*\n)+\n/m, '');
  replace('build', /^ {4}build: .*\n/gm, '');
  replace('comment of pull_policy', /^ {4}# Built locally;.*\n/m, '');
  replace('pull_policy', /^ {4}pull_policy: never\n/gm, '');
  replace('images', /fleetbridge-(\w+):\$\{FLEETBRIDGE_VERSION:-local\}/g, image);
  // A release has no Caddyfile beside it. Inline configs of compose need a writable root file system.
  replace('Caddyfile', /^ {6}- \.\/caddy:\/etc\/caddy:ro\n/m, '');
  replace(
    'variables of Caddy',
    /^ {6}CADDY_GLOBAL_OPTIONS:\n/m,
    `      CADDY_GLOBAL_OPTIONS:\n      CADDYFILE: |\n${indented(
      caddyfile.replaceAll('$', () => '$$'),
      8,
    )}`,
  );
  replace(
    'image of Caddy',
    /^( {4}image: \$\{CADDY_IMAGE:.*\n)/m,
    (line) =>
      `${line}    command: [sh, -c, "exec caddy run --adapter caddyfile --config - <<EOF\\n$$CADDYFILE\\nEOF"]\n`,
  );
  return release;
}

function releaseExample(text, { version, prefix }) {
  const [from, to] = [text.indexOf('# The tag of the images'), text.indexOf('#REDIS_IMAGE=')];
  if (from < 0 || to < from) throw new Error('.env.example: the variables of images not found');
  const lines = [
    '# The version to run. After a change: docker compose pull && docker compose up -d',
    `#FLEETBRIDGE_VERSION=${version}`,
    '# Where the images come from, up to the name of an image.',
    `#FLEETBRIDGE_IMAGE_PREFIX=${prefix}`,
    '# Other images to run.',
    '',
  ];
  return text.slice(0, from) + lines.join('\n') + text.slice(to);
}

function indented(text, spaces) {
  return text.replace(/^(?=.)/gm, ' '.repeat(spaces));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { version: { type: 'string' }, prefix: { type: 'string' }, directory: { type: 'string' } },
  });
  const { version = '', prefix = '', directory = '.' } = values;
  const { compose, example } = releaseFiles({ version, prefix });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'compose.release.yaml'), compose);
  writeFileSync(join(directory, 'env.example'), example);
}
