// What the modules hand one another. The protocol's own bodies are as docs/device-protocol.md has them.

export interface Statement {
  v: 1;
  account: string;
  origin: string;
  device: string;
  txid: string;
  request: string;
  application: string;
  user: string;
  type: string;
  address: string;
  place: string;
  hostname: string;
  time: number;
  info: [string, string][];
}

export interface LoginRequest {
  txid: string;
  created: number;
  expires: number;
  digits: number;
  /** The origin of the pages on which people log in. */
  pages?: string;
  statement: Statement;
}

export type Answer = "approve" | "deny" | "fraud";
export type Result = "approved" | "denied" | "fraud";
export type ClosedState = Result | "timed_out" | "cancelled";

export type OtpState =
  | { kind: "hotp"; digits: number; counter: number }
  | { kind: "totp"; digits: number; period: number };

export interface PushSubscriptionData {
  endpoint: string;
  p256dh: string;
  auth: string;
}

export interface ActivateResponse {
  device_id: string;
  account: { id: string; name: string };
  user: { name: string };
  origin: string;
  server_time: number;
  otp: OtpState & { seed: string };
  confirm: { phrase: string; required: boolean };
}

export interface DeviceStatus {
  device_id: string;
  name: string;
  user: { name: string };
  account: { id: string; name: string };
  active: boolean;
  auto_approve_until: number | null;
  otp: OtpState;
  push?: { key: string; subscribed: boolean };
  moves?: MoveNotice[];
  outages?: OutageCodes[];
}

/** A group of proxies that check codes by themselves while the server cannot be asked, and the applications behind them. */
export interface OutageCodes {
  group: string;
  applications: string[];
}

/** An account of this person's that went to another device. */
export interface MoveNotice {
  device: string;
  name: string;
  at: number;
  contestable: boolean;
  contested: boolean;
  added?: boolean;
}

export type MoveProof =
  | { kind: "code"; username: string; code: string }
  | { kind: "passkey"; session: string; ceremony: string; response: string };

export interface MoveResponse {
  code: string;
  expires: number;
  account: { id: string; name: string };
  user: { name: string };
  devices: { device_id: string; name: string }[];
}

/** An account on this phone, as IndexedDB keeps it. Both keys are CryptoKeys that cannot be exported. */
export interface Binding {
  device: string;
  origin: string;
  account: { id: string; name: string };
  user: string;
  name: string;
  key: CryptoKey;
  otp: OtpState;
  otpKey: CryptoKey;
  phrase: string;
  confirmed: boolean;
  added: number;
  /** The endpoint the server knows, so that a change is told. */
  push?: string | null;
  /** What codes for outages are for, as the server said last. */
  outages?: OutageCodes[];
}

export interface Entry {
  id?: number;
  device: string;
  account: string;
  txid: string;
  application: string;
  user: string;
  type: string;
  place: string;
  address: string;
  hostname: string;
  time: number;
  state: ClosedState;
  at: number;
}

export interface Plural {
  zero?: string;
  one?: string;
  two?: string;
  few?: string;
  many?: string;
  other: string;
}

export type Catalogue = Record<string, string | Plural>;
export type Values = Record<string, string | number>;
