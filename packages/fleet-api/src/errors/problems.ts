// What can go wrong between an account at Tesla and the first record of a vehicle, as data: what it means, and what to do.

export interface Remedy {
  /** One sentence: what is wrong. */
  readonly meaning: string;
  /** What a person does about it. */
  readonly remedy: string;
}

export type Problem = keyof typeof problems;

export const problems = {
  domain_not_valid: {
    meaning: 'Tesla does not accept the domain.',
    remedy:
      'The domain must be reachable from the Internet on port 443 with a publicly trusted certificate, and Allowed Origin on developer.tesla.com must be https:// and the same domain. Correct it, then register again.',
  },
  domain_mismatch: {
    meaning: 'The host name of the configuration does not belong to the registered domain.',
    remedy:
      'Register the domain of the telemetry host, or choose a telemetry host below the registered domain: both must have the same root, such as example.com.',
  },
  public_key_download_failed: {
    meaning: 'Tesla could not fetch the public key of the application.',
    remedy:
      'Open https://<domain>/.well-known/appspecific/com.tesla.3p.public-key.pem from another network. It must answer 200 with the key, on port 443, with a publicly trusted certificate and without a redirect.',
  },
  unauthorized_client: {
    meaning: 'Tesla does not accept the client id or the client secret.',
    remedy:
      'Compare TESLA_CLIENT_ID and TESLA_CLIENT_SECRET with the page of the application on developer.tesla.com. Its type must be "Authorization Code and Machine-to-Machine".',
  },
  code_rejected: {
    meaning: 'The code of the sign-in has expired, was already used, or belongs to another redirect address.',
    remedy:
      'Sign in again and use the address at once: the code is valid for about one minute, and once. Allowed Redirect URI on developer.tesla.com must be exactly the address of the sign-in.',
  },
  login_required: {
    meaning:
      'The refresh token is not valid any more: it has expired after 3 months without use, was replaced, or the password of the Tesla account was changed.',
    remedy: 'Sign in to Tesla again with `fleetbridge setup`. The vehicles stay paired.',
  },
  token_rejected: {
    meaning: 'Tesla does not accept the access token.',
    remedy: 'Sign in to Tesla again with `fleetbridge setup --sign-in`, if the next call fails too.',
  },
  scope_missing: {
    meaning: 'The owner did not allow what this call needs.',
    remedy:
      'Sign in again with `fleetbridge setup --sign-in` and allow every item of the list that Tesla shows. Fields with a location need vehicle_location, commands need vehicle_cmds or vehicle_charging_cmds. The application must have the same scopes on developer.tesla.com.',
  },
  wrong_region: {
    meaning: 'The account belongs to another region of Tesla, and the region that Tesla names could not be used.',
    remedy:
      'Set TESLA_REGION to na (North America, Asia and the Pacific), eu (Europe, Middle East and Africa) or cn (China), and register the domain in that region.',
  },
  not_registered: {
    meaning: 'The application is not registered in this region.',
    remedy: 'Run `fleetbridge setup`: it registers the domain in the region of the account.',
  },
  billing_limit: {
    meaning: 'Tesla has disabled the account because the limit of its costs is exceeded (EXCEEDED_LIMIT).',
    remedy:
      'Raise the billing limit on developer.tesla.com, or wait for the next month. Tesla has removed the telemetry configurations: send them again with `fleetbridge config apply`. Check `fleetbridge cost` first.',
  },
  payment_required: {
    meaning: 'Tesla asks for a payment.',
    remedy: 'Check the payment method and the billing limit on developer.tesla.com.',
  },
  limit_reached: {
    meaning: 'A limit is reached: of the costs of the account, or of the configurations of the vehicle.',
    remedy:
      'Check the billing limit on developer.tesla.com. If it is not reached, remove the access of another application that streams from this vehicle. Then send the configuration again.',
  },
  missing_key: {
    meaning: 'The application key is not paired with the vehicle.',
    remedy:
      'The owner opens https://tesla.com/_ak/<domain> on the phone with the Tesla app and approves the key. The vehicle must be online.',
  },
  unsupported_hardware: {
    meaning: 'The vehicle can not send telemetry: its computer is too old.',
    remedy:
      'There is no remedy for Model S and X before 2021 without a new computer. Remove the vehicle from the list.',
  },
  unsupported_firmware: {
    meaning: 'The firmware of the vehicle is too old for telemetry.',
    remedy: 'Install the update that the vehicle offers: 2024.26 or newer, 2025.20 for Model S and X with Intel Atom.',
  },
  max_configs: {
    meaning: 'Three other applications already stream from the vehicle, which is the maximum.',
    remedy: 'Remove the access of an application that is not needed: Tesla account, Security, Third-party apps.',
  },
  configuration_refused: {
    meaning: 'The vehicle has refused the configuration: Tesla reports it as synced, but the configuration is empty.',
    remedy:
      'Look at the errors of the vehicle for the reason. The most frequent ones are a key that was not made on P-256 and a field that the firmware does not know. Correct it and send the configuration again.',
  },
  port_is_text: {
    meaning: 'The port of the configuration is a text. Tesla accepts it, and vehicles ignore the configuration.',
    remedy: 'Write the port as a number, without quotes, and send the configuration again.',
  },
  invalid_signature: {
    meaning: 'The vehicle does not accept the signature of the configuration.',
    remedy:
      'The application key must be an EC key on P-256 (prime256v1), and the one that the vehicle is paired with. For another key: publish it, register again and pair again.',
  },
  config_manager_error: {
    meaning: 'The vehicle could not apply the configuration.',
    remedy:
      'Remove fields that the firmware does not know, and check host name, port and ca. Then send the configuration again while the vehicle is awake.',
  },
  server_not_trusted: {
    meaning: 'The vehicle does not trust the certificate of the telemetry server.',
    remedy:
      '`ca` of the configuration must have the whole chain that signed the server certificate, the root included. Send the configuration again.',
  },
  no_client_certificate: {
    meaning: 'The vehicle connects without a client certificate.',
    remedy:
      'The server must name the vehicle CAs of Tesla in its TLS handshake: set INGEST_CA_BUNDLE=production, and do not end TLS in a proxy in front of ingest.',
  },
  streaming_toggle_off: {
    meaning: 'Streaming is switched off in the vehicle.',
    remedy:
      'The owner of an older Model S or X switches it on in the vehicle: Controls, Safety, Allow Third-Party App Data Streaming.',
  },
  vehicle_asleep: {
    meaning: 'The vehicle is asleep or has no connection.',
    remedy: 'Wait until it is online, or wake it up.',
  },
  vehicle_not_found: {
    meaning: 'Tesla does not know this vehicle in this account, or not this path.',
    remedy: 'Compare the VIN with the vehicles of the account. The account must be the one that owns the vehicle.',
  },
  rate_limited: {
    meaning: 'Tesla limits the rate of calls; other applications of the account count too.',
    remedy: 'Wait for the time that Tesla names, then try again.',
  },
  request_rejected: {
    meaning: 'Tesla does not accept the request.',
    remedy: "Tesla's text names the reason. If it does not help, report it with the text and the endpoint.",
  },
  tesla_failed: {
    meaning: "Tesla's server has failed.",
    remedy: 'Try again later; the status page of Tesla may show an outage.',
  },
  not_reachable: {
    meaning: "Tesla's server can not be reached; the request was not sent.",
    remedy: 'Check DNS, the network and a firewall. For a stand-in check FLEET_API_URL and FLEET_AUTH_URL.',
  },
  certificate_not_trusted: {
    meaning: 'The certificate of the server is not trusted; the request was not sent.',
    remedy:
      'Check the clock of this machine, and a proxy that replaces certificates. For a stand-in set FLEET_CA_FILE to its CA.',
  },
  answer_lost: {
    meaning: 'The connection ended before the answer, so it is unknown whether the request was executed.',
    remedy: 'Check the state before repeating it.',
  },
  time_limit: {
    meaning: 'Tesla did not answer in time, so it is unknown whether the request was executed.',
    remedy: 'Check the state before repeating it.',
  },
  answer_too_large: {
    meaning: 'The answer is larger than the limit.',
    remedy: 'A proxy or another server answers in place of Tesla: check FLEET_API_URL and the network.',
  },
  answer_not_valid: {
    meaning: 'The answer is not what Tesla documents.',
    remedy: 'A proxy or another server answers in place of Tesla: check FLEET_API_URL, FLEET_AUTH_URL and the network.',
  },
} as const satisfies Record<string, Remedy>;
