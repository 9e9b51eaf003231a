// Passcodes: RFC 4226 and RFC 6238 with HMAC-SHA-1.

/**
 * @param {CryptoKey} key
 * @param {number} counter
 * @param {number} digits
 */
export async function hotp(key, counter, digits) {
  const message = new DataView(new ArrayBuffer(8));
  message.setBigUint64(0, BigInt(counter));
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, message.buffer));
  const offset = mac.getUint8(mac.byteLength - 1) & 15;
  const number = mac.getUint32(offset) & 0x7fffffff;
  return String(number % 10 ** digits).padStart(digits, "0");
}

/**
 * The code of `time`, and the second at which the next one begins.
 * @param {CryptoKey} key
 * @param {number} time unix seconds
 * @param {{ digits: number, period: number }} parameters
 */
export async function totp(key, time, { digits, period }) {
  const step = Math.floor(time / period);
  return { code: await hotp(key, step, digits), until: (step + 1) * period };
}
