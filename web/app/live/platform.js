// What this browser is and can do.

/** @typedef {"ios" | "android" | "other"} Platform */

/** @returns {Platform} */
export function platform() {
  const agent = navigator.userAgent;
  // iPads call themselves Macs, and are the only ones with a touch screen.
  if (/iPhone|iPad|iPod/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1)) return "ios";
  return /Android/.test(agent) ? "android" : "other";
}

/** What the device calls itself until the person names it. */
export function platformName() {
  const agent = navigator.userAgent;
  const known = /** @type {[RegExp, string][]} */ ([
    [/iPhone/, "iPhone"],
    [/iPad/, "iPad"],
    [/Android/, "Android"],
    [/CrOS/, "ChromeOS"],
    [/Windows/, "Windows"],
    [/Macintosh/, navigator.maxTouchPoints > 1 ? "iPad" : "Mac"],
    [/Linux/, "Linux"],
  ]);
  return known.find(([pattern]) => pattern.test(agent))?.[1] ?? "";
}

/** Whether it was opened from the home screen. */
export function isInstalled() {
  const ofApple = /** @type {{ standalone?: boolean }} */ (navigator).standalone === true;
  return ofApple || matchMedia("(display-mode: standalone)").matches;
}

/**
 * What is missing for an authenticator, as the name of a text; null if nothing is.
 * @returns {"unsupported.insecure" | "unsupported.browser" | null}
 */
export function whatIsMissing() {
  if (!globalThis.isSecureContext) return "unsupported.insecure";
  const has = [globalThis.indexedDB, globalThis.crypto?.subtle, globalThis.ReadableStream, AbortSignal.timeout];
  return has.every(Boolean) ? null : "unsupported.browser";
}

/** @typedef {Event & { prompt(): Promise<{ outcome: string }> }} InstallEvent */

/** The browser's own offer to install, kept until the person wants it. */
export class Installer extends EventTarget {
  constructor() {
    super();
    /** @type {InstallEvent | null} */
    this.offer = null;
    globalThis.addEventListener("beforeinstallprompt", (event) => {
      event.preventDefault();
      this.offer = /** @type {InstallEvent} */ (event);
      this.dispatchEvent(new Event("change"));
    });
    globalThis.addEventListener("appinstalled", () => {
      this.offer = null;
      this.dispatchEvent(new Event("change"));
    });
  }

  async install() {
    const offer = this.offer;
    this.offer = null;
    await offer?.prompt();
    this.dispatchEvent(new Event("change"));
  }
}
