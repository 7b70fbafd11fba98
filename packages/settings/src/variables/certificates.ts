// Certificates: those that sign vehicles, and the pairs of our own servers.
import { commaList, filePath, flag, oneOf } from '../values/index.js';
import { setting } from './setting.js';

const readablePair = {
  value: filePath({ mustExist: true, orPattern: true }).optional(),
  reason: '`up` and other commands require a readable file before they start, unless the path has a `/*/`.',
};
const CERTIFICATE_PATHS = [
  '`/*/` in the path matches any folder, as in the storage of Caddy, which has one per issuer. Of the pairs found, the',
  'server uses the one that expires last; until there is one, the default pair.',
].join('\n');

export const certificateSettings = {
  INGEST_CA_BUNDLE: setting({
    value: oneOf(['development', 'production', 'engineering']).default('development'),
    readBy: ['ingest', 'up'],
    description: 'The CAs whose vehicles may connect: the development CA, or those of Tesla.',
    details: [
      'The development CA is `DATA_DIR/pki/ca.pem`. `fleetbridge ca fetch` gets those of Tesla. With a configuration',
      'file of the Go server (`INGEST_CONFIG`) the default is `production`.',
    ].join('\n'),
  }),
  INGEST_CA_FILE: setting({
    value: filePath({ mustExist: true }).optional(),
    readBy: ['ingest', 'up'],
    description: 'CA certificates that sign vehicle certificates (PEM), instead of `INGEST_CA_BUNDLE`.',
  }),
  INGEST_EXTRA_CA_FILE: setting({
    value: filePath({ mustExist: true }).optional(),
    readBy: ['ingest'],
    description: "CA certificates (PEM) in addition to the bundle; `tls.ca_file` of the Go server's file.",
  }),
  CA_ACCEPT: setting({
    value: commaList().default([]),
    readBy: ['ingest', 'cli'],
    description: "SHA-256 fingerprints of CAs to accept in Tesla's bundle, in addition to those built in.",
  }),
  TESLA_CA_FETCH: setting({
    value: flag().default(false),
    readBy: ['ingest'],
    description: "`on`: fetch Tesla's CAs at startup when `DATA_DIR/pki` does not have them yet.",
  }),
  INGEST_CERT_FILE: setting({
    value: filePath().optional(),
    readBy: ['ingest', 'up', 'cli'],
    description: 'Server certificate for vehicles with its chain (PEM). Default: `DATA_DIR/pki/server.pem`.',
    details: CERTIFICATE_PATHS,
    overrides: { up: readablePair, cli: readablePair },
  }),
  INGEST_KEY_FILE: setting({
    value: filePath().optional(),
    readBy: ['ingest', 'up'],
    description: 'Private key of `INGEST_CERT_FILE` (PEM). Default: `DATA_DIR/pki/server.key`.',
    overrides: { up: readablePair },
  }),
  STREAMING_CERT_FILE: setting({
    value: filePath().optional(),
    readBy: ['streaming', 'up'],
    description: 'Server certificate for clients with its chain (PEM). Default: `DATA_DIR/pki/server.pem`.',
    details: CERTIFICATE_PATHS,
    overrides: { up: readablePair },
  }),
  STREAMING_KEY_FILE: setting({
    value: filePath().optional(),
    readBy: ['streaming', 'up'],
    description: 'Private key of `STREAMING_CERT_FILE` (PEM). Default: `DATA_DIR/pki/server.key`.',
    overrides: { up: readablePair },
  }),
};
