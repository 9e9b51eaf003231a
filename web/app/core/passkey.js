// A passkey signs: what the server writes as JSON becomes what the browser wants, and back. Not every browser that has passkeys does this by itself.

import { fromBase64url, toBase64url } from "./bytes.js";

/** Whether this browser can use passkeys at all. */
export function hasPasskeys() {
  return "PublicKeyCredential" in globalThis && "credentials" in navigator;
}

/**
 * Asks for any passkey of the organisation's, and gives what it signed as the server reads it. Fails with a DOMException as browsers do; `NotAllowedError` is also a person
 * who has changed their mind.
 * @param {any} options PublicKeyCredentialRequestOptionsJSON
 * @returns {Promise<string>}
 */
export async function signWithPasskey(options) {
  const { challenge, timeout, rpId, userVerification } = options;
  const found = await navigator.credentials.get({
    publicKey: { challenge: fromBase64url(challenge), timeout, rpId, userVerification },
  });
  if (!(found instanceof PublicKeyCredential)) throw new DOMException("no passkey", "NotAllowedError");
  const response = /** @type {AuthenticatorAssertionResponse} */ (found.response);
  const text = (/** @type {ArrayBuffer} */ bytes) => toBase64url(new Uint8Array(bytes));
  return JSON.stringify({
    id: found.id,
    rawId: text(found.rawId),
    type: found.type,
    authenticatorAttachment: found.authenticatorAttachment ?? undefined,
    clientExtensionResults: {},
    response: {
      clientDataJSON: text(response.clientDataJSON),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      userHandle: response.userHandle ? text(response.userHandle) : undefined,
    },
  });
}
