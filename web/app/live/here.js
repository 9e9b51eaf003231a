// A login that was begun in this very browser: its page tells the number, so that nobody has to carry it over.
//
// Only that page's own cookie gets the number told, by going there and back. A link alone proves nothing: whoever sends one from elsewhere has no login here, and what comes
// back must bear the random text that this tab has sent along.

/** @import { LoginRequest } from "../../types.d.ts" */

import { random, toBase64url } from "../core/bytes.js";

/** @typedef {{ txid: string, login: string, number: string | null }} Here what the login's page has told, and which it is */

const KEPT = "here";
const NONCE_BYTES = 16;

/**
 * The login that a link to a request names: `#/request/TXID/LOGIN`.
 * @param {string} hash
 */
export function linked(hash) {
  const found = /^#\/request\/([0-9A-Za-z-]+)\/(PR[0-9A-Z]{18})$/.exec(hash);
  return found ? { txid: String(found[1]), login: String(found[2]) } : null;
}

/**
 * The page of the login.
 * @param {LoginRequest} request
 * @param {string} login
 */
export function pageOf(request, login) {
  return `${request.pages}/frame/prompt/${login}`;
}

/**
 * Where to go to be told the number of `request`; what comes back is read by {@link told}. Null if there is none, or no page.
 * @param {LoginRequest} request
 * @param {string} login
 * @param {Storage} storage
 */
export function whereToAsk(request, login, storage) {
  if (!request.pages || request.digits === 0) return null;
  const nonce = toBase64url(random(NONCE_BYTES));
  storage.setItem(KEPT, JSON.stringify({ txid: request.txid, login, nonce }));
  return `${pageOf(request, login)}/here?${new URLSearchParams({ txid: request.txid, nonce })}`;
}

/**
 * What the page has told: `#/here/TXID/NONCE/NUMBER`, without a number if the login is not this browser's. Null if nobody here has asked.
 * @param {string} hash
 * @param {Storage} storage
 * @returns {Here | null}
 */
export function told(hash, storage) {
  const found = /^#\/here\/([0-9A-Za-z-]+)\/([\w-]+)(?:\/(\d{1,10}))?$/.exec(hash);
  const kept = storage.getItem(KEPT);
  if (!found || !kept) return null;
  storage.removeItem(KEPT);
  const { txid, login, nonce } = JSON.parse(kept);
  if (found[1] !== txid || found[2] !== nonce) return null;
  return { txid, login, number: found[3] ?? null };
}
