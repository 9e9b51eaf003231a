// What a person scans or pastes to activate: `duo://CODE-BASE64(host)`, the same without scheme, the link, or the code alone.

const CODE = /^[A-Za-z0-9]{20}$/;
const PATH = "/authenticator/activate";
const LONGEST = 600;

/** @typedef {{ code: string, origin: string }} Activation */

/**
 * Null if the text is no activation. A code alone is one of `here`.
 * @param {string} text
 * @param {string} here this page's origin
 * @returns {Activation | null}
 */
export function parseActivation(text, here) {
  const trimmed = text.trim();
  if (trimmed.length > LONGEST) return null;
  if (CODE.test(trimmed)) return { code: trimmed, origin: here };
  if (trimmed.startsWith("https://")) return ofLink(trimmed);
  const match = /^(?:duo:\/\/)?([A-Za-z0-9]{20})-([A-Za-z0-9+/]+)={0,2}$/.exec(trimmed);
  if (!match?.[1] || !match[2]) return null;
  try {
    return { code: match[1], origin: originOf(atob(match[2])) };
  } catch {
    return null;
  }
}

/** @param {string} text */
function ofLink(text) {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const code = url.hash.slice(1);
  const isLink = url.pathname === PATH && !url.search && !url.username && !url.password && CODE.test(code);
  return isLink ? { code, origin: url.origin } : null;
}

/** @param {string} host */
function originOf(host) {
  const url = new URL(`https://${host}`);
  // Whatever is more than a host and a port would be another place than it looks like.
  if (url.pathname !== "/" || url.search || url.hash || url.username || url.password || /[/?#@\\]/.test(host)) {
    throw new TypeError("not a host");
  }
  return url.origin;
}
