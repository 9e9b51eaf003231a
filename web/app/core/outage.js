// Codes for outages: what a proxy checks by itself while the server cannot be asked (docs/device-protocol.md).

import { utf8 } from "./bytes.js";
import { totp } from "./otp.js";

/** What the seed is made for. */
const PURPOSE = "countersign code for outages, 1";
/** For how many seconds a code is good. */
export const PERIOD = 30;

/**
 * The key of a group's codes, made from that of the passcodes, which stays where it is. It can be used and not be read.
 * @param {CryptoKey} otpKey
 * @param {string} account
 * @param {string} group
 */
export async function outageKey(otpKey, account, group) {
  const seed = await crypto.subtle.sign("HMAC", otpKey, utf8(`${PURPOSE}\n${account}\n${group}`));
  const key = await crypto.subtle.importKey("raw", seed, { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  new Uint8Array(seed).fill(0);
  return key;
}

/**
 * The code of `time`, and the second at which the next one begins.
 * @param {CryptoKey} key
 * @param {number} time unix seconds
 */
export function outageCode(key, time) {
  return totp(key, time, { digits: 6, period: PERIOD });
}

/**
 * A group's name as it was typed; null if it is none.
 * @param {string} typed
 */
export function groupName(typed) {
  const name = typed.trim().toLowerCase();
  return /^[a-z0-9-]{1,32}$/.test(name) ? name : null;
}
