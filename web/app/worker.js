// The service worker: keeps the app for when there is no network, and wakes the person when a login waits.

/// <reference lib="webworker" />
/** @import { Binding, LoginRequest } from "../types.d.ts" */

import { Clock } from "./core/clock.js";
import { Server } from "./core/protocol.js";
import { Store } from "./core/store.js";
import { chooseLanguage, LANGUAGES, Texts } from "./core/text.js";

const scope = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** A notification may wait this long for its details; then it is shown without. */
const DETAILS_MS = 3_000;
const PAGES = ["/", "/authenticator/activate"];

/**
 * @typedef {{ v: 1, device: string, txid: string, expires: number, moved?: string, added?: boolean }} Wake
 */

/**
 * @param {string} version
 * @param {string[]} files
 */
export function work(version, files) {
  const cacheName = `shell-${version}`;
  const base = `/app/${version}/`;

  scope.addEventListener("install", (event) => event.waitUntil(install()));
  scope.addEventListener("activate", (event) => event.waitUntil(activate()));
  scope.addEventListener("fetch", (event) => {
    const url = new URL(event.request.url);
    if (event.request.method !== "GET" || url.origin !== scope.location.origin) return;
    if (event.request.mode === "navigate" && PAGES.includes(url.pathname)) event.respondWith(page(event.request));
    else if (url.pathname.startsWith(base)) event.respondWith(file(event.request));
  });
  scope.addEventListener("push", (event) => event.waitUntil(wake(event.data)));
  scope.addEventListener("notificationclick", (event) => {
    event.notification.close();
    event.waitUntil(open(event.notification.data?.txid));
  });

  async function install() {
    const cache = await caches.open(cacheName);
    const language = chooseLanguage(scope.navigator.languages);
    const page = await fetch("/", { cache: "reload" });
    // While a server is updated, page and worker may come from two versions: then this one is not installed, and tried again later.
    if (!page.ok || !(await page.clone().text()).includes(base)) throw new Error("the page is of another version");
    await cache.addAll([...files, `lang/${language}.json`].map((name) => base + name));
    await cache.put("/", page);
    await scope.skipWaiting();
  }

  async function activate() {
    for (const name of await caches.keys()) {
      if (name.startsWith("shell-") && name !== cacheName) await caches.delete(name);
    }
    await scope.clients.claim();
  }

  /** @param {Request} request */
  async function page(request) {
    return (await caches.match("/", { cacheName })) ?? fetch(request);
  }

  /** @param {Request} request */
  async function file(request) {
    const cache = await caches.open(cacheName);
    const kept = await cache.match(request);
    if (kept) return kept;
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  }

  /** @param {PushMessageData | null} data */
  async function wake(data) {
    const texts = await spoken();
    const wake = readWake(data);
    for (const client of await scope.clients.matchAll({ type: "window" })) client.postMessage({ type: "pull" });
    const { title, body } = await message(texts, wake);
    // Browsers take the permission away from pages that are woken and show nothing, so something is always shown.
    await scope.registration.showNotification(title, {
      body,
      tag: wake?.txid ?? "wake",
      icon: `${base}icons/icon-192.png`,
      badge: `${base}icons/badge-96.png`,
      requireInteraction: true,
      lang: texts.language,
      data: { txid: wake?.txid ?? null },
    });
  }

  /**
   * What the notification says. What is told is asked of the server: a message alone says nothing.
   * @param {Texts} texts
   * @param {Wake | null} wake
   */
  async function message(texts, wake) {
    if (wake?.moved && wake.added) {
      return { title: texts.say("notification.added.title"), body: texts.say("notification.added.body") };
    }
    if (wake?.moved) {
      return { title: texts.say("notification.moved.title"), body: texts.say("notification.moved.body") };
    }
    const login = wake && (await details(wake));
    if (wake && login?.statement.type === "Test") {
      for (const client of await scope.clients.matchAll({ type: "window" })) client.postMessage({ type: "test", txid: wake.txid });
      return { title: texts.say("notification.test.title"), body: texts.say("notification.test.body") };
    }
    return { title: texts.say("notification.title"), body: login ? summary(texts, login) : texts.say("notification.body") };
  }

  async function spoken() {
    const store = await Store.open();
    const chosen = await store.setting("language");
    const language = LANGUAGES.find((known) => known === chosen) ?? chooseLanguage(scope.navigator.languages);
    const answer = await file(new Request(`${base}lang/${language}.json`));
    return new Texts(language, await answer.json());
  }
}

/**
 * What the server wrote, which only this browser could decrypt.
 * @param {PushMessageData | null} data
 * @returns {Wake | null}
 */
function readWake(data) {
  try {
    const wake = data?.json();
    return wake?.v === 1 && typeof wake.txid === "string" && typeof wake.device === "string" ? wake : null;
  } catch {
    return null;
  }
}

/**
 * The login itself, asked for with this phone's signature; null if it cannot be had in time.
 * @param {Wake} wake
 * @returns {Promise<LoginRequest | null>}
 */
async function details(wake) {
  const late = new Promise((resolve) => setTimeout(resolve, DETAILS_MS, null));
  return /** @type {Promise<LoginRequest | null>} */ (Promise.race([late, fetchDetails(wake).catch(() => null)]));
}

/** @param {Wake} wake */
async function fetchDetails(wake) {
  const store = await Store.open();
  const binding = (await store.bindings()).find((binding) => binding.device === wake.device);
  if (!binding) return null;
  const server = new Server({ origin: scope.location.origin, clock: new Clock() });
  const found = (await server.waiting(binding)).find((login) => login.txid === wake.txid) ?? null;
  if (found) await server.receipt(binding, found.txid, "delivered").catch(() => {});
  return found;
}

/**
 * @param {Texts} texts
 * @param {LoginRequest} login
 */
function summary(texts, { statement }) {
  const { application, place } = statement;
  return place ? texts.say("notification.from", { application, place }) : texts.say("notification.of", { application });
}

/**
 * Brings the app to the front, where the request is.
 * @param {string | null | undefined} txid
 */
async function open(txid) {
  const windows = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
  for (const client of windows) {
    client.postMessage({ type: "pull", txid });
    try {
      await client.focus();
      return;
    } catch {
      // A window that may not be focused; another may, or a new one is opened.
    }
  }
  await scope.clients.openWindow("/");
}
