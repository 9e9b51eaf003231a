// The phrase that this phone and the page with the code both show, computed here and never believed.

import { sha256, utf8 } from "./bytes.js";

/**
 * @param {string} code
 * @param {string} thumbprint
 * @param {string} words one a line
 */
export async function confirmPhrase(code, thumbprint, words) {
  const hash = new DataView((await sha256(utf8(`cs-confirm.${code}.${thumbprint}`))).buffer);
  const list = words.split("\n");
  const number = hash.getUint32(2) % 100;
  return `${list[hash.getUint8(0)]}-${list[hash.getUint8(1)]}-${String(number).padStart(2, "0")}`;
}
