// What can be wrong with the account and its keys on this machine, as data: what it means, and what to do.
import type { Remedy } from '@fleetbridge/fleet-api';

export type AccountProblem = keyof typeof accountProblems;

export const accountProblems = {
  not_signed_in: {
    meaning: 'No Tesla account is signed in.',
    remedy: 'Sign in with `fleetbridge setup`.',
  },
  no_application: {
    meaning: 'No application of developer.tesla.com is known here.',
    remedy: 'Run `fleetbridge setup`: it asks for the client id and the client secret.',
  },
  ca_file_not_readable: {
    meaning: 'The file of FLEET_CA_FILE can not be read.',
    remedy: 'Correct the path. Without a stand-in of Tesla, remove FLEET_CA_FILE.',
  },
  refresh_busy: {
    meaning: 'Another process is refreshing the tokens of the Tesla account and does not finish.',
    remedy: 'Try again in a minute. If it stays, restart the gateway.',
  },
  encryption_key_missing: {
    meaning: 'The tokens of the Tesla account are encrypted, and the file with the encryption key is missing.',
    remedy:
      'Restore DATA_DIR/tesla/encryption-key from the backup of the same time as Redis. Without a backup sign in again with `fleetbridge setup`; the vehicles stay paired.',
  },
  secret_not_readable: {
    meaning:
      'The tokens of the Tesla account can not be decrypted: the encryption key is another one, or they were changed.',
    remedy:
      'Restore DATA_DIR/tesla/encryption-key from the backup of the same time as Redis. Without a backup sign in again with `fleetbridge setup`; the vehicles stay paired.',
  },
  encryption_key_not_valid: {
    meaning: 'The file of the encryption key does not have a key: 64 hexadecimal digits are expected.',
    remedy:
      'Restore DATA_DIR/tesla/encryption-key from a backup. Without a backup remove the file and sign in again with `fleetbridge setup`; the vehicles stay paired.',
  },
  application_key_not_valid: {
    meaning:
      'The file does not have a private key that vehicles accept: EC on P-256 (prime256v1), as PEM without a password.',
    remedy:
      'Give the file of the private key whose public key is served and paired. A key of another kind can not be converted; it needs a new key and a new pairing.',
  },
  application_key_exists: {
    meaning:
      'There is already another application key. It is never overwritten, because the vehicles are paired with it.',
    remedy:
      'Use the existing key. To change it, move DATA_DIR/tesla/application-key.pem away first; then every vehicle must be paired again.',
  },
  key_file_failed: {
    meaning: 'The file of a key, or its folder, can not be read, written, or protected from other users.',
    remedy: 'DATA_DIR/tesla must belong to the user of fleetbridge, with mode 0700 and files of mode 0600.',
  },
} as const satisfies Record<string, Remedy>;
