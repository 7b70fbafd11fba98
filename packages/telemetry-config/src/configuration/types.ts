// The telemetry configuration in the form that Tesla takes and returns.

export interface FieldSettings {
  interval_seconds: number;
  minimum_delta?: number;
  resend_interval_seconds?: number;
  include_fields?: readonly string[];
}

export type Fields = Readonly<Record<string, FieldSettings>>;

export interface TelemetryConfiguration {
  hostname: string;
  port: number;
  ca: string;
  fields: Fields;
  alert_types?: readonly string[];
  prefer_typed?: boolean;
  delivery_policy?: 'latest';
  /** Epoch seconds. */
  exp?: number;
}
