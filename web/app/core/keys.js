// The keys of this phone. None can be read back, neither by this code nor by whoever gets to run code here.

import { fromBase64url, sha256, toBase64url, utf8 } from "./bytes.js";

/** @typedef {{ kty: "EC", crv: "P-256", x: string, y: string }} Jwk */

/** A new key pair: the private half, and the public half as the protocol writes it. */
export async function newKey() {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const { x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  if (!x || !y) throw new TypeError("the browser gave no public key");
  /** @type {Jwk} */
  const jwk = { kty: "EC", crv: "P-256", x, y };
  return { key: pair.privateKey, jwk, thumbprint: await thumbprint(jwk) };
}

/**
 * RFC 7638: SHA-256 over the members in lexical order.
 * @param {Jwk} jwk
 */
export async function thumbprint(jwk) {
  const canonical = `{"crv":"P-256","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`;
  return toBase64url(await sha256(utf8(canonical)));
}

/**
 * The seed of the passcodes, from where it can only be used.
 * @param {string} seed base64url
 */
export function importSeed(seed) {
  return crypto.subtle.importKey("raw", fromBase64url(seed), { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
}
