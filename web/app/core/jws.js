// The three signatures of the protocol: compact JWS, ES256, a header of exactly three members.

import { toBase64url, utf8 } from "./bytes.js";

/** @typedef {"cs-activate+jwt" | "cs-request+jwt" | "cs-answer+jwt"} Typ */

/**
 * @param {Typ} typ
 * @param {string} kid
 * @param {object} payload
 * @param {CryptoKey} key
 */
export async function sign(typ, kid, payload, key) {
  const part = (/** @type {object} */ value) => toBase64url(utf8(JSON.stringify(value)));
  const signed = `${part({ alg: "ES256", typ, kid })}.${part(payload)}`;
  // WebCrypto signs as r ‖ s, which is what RFC 7518, section 3.4 asks for.
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, utf8(signed));
  return `${signed}.${toBase64url(new Uint8Array(signature))}`;
}
