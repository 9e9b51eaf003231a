// Notifications: asked for by the person, never waited for by anything else. Some browsers' push services do not answer at all.

/** @import { Binding, PushSubscriptionData } from "../../types.d.ts" */
/** @import { Server } from "../core/protocol.js" */
/** @import { Store } from "../core/store.js" */

import { fromBase64url, toBase64url } from "../core/bytes.js";
import { Refusal } from "../core/refusal.js";

/** How long the browser may take before we say that its push service does not answer. */
const TIMEOUT_MS = 20_000;

/** @typedef {"on" | "off" | "blocked" | "impossible"} PushState */
/** @typedef {"done" | "blocked" | "silent" | "failed"} PushOutcome */

/** Whether this browser can be woken at all. */
export function canPush() {
  return "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis;
}

/**
 * @param {Binding[]} bindings
 * @returns {PushState}
 */
export function pushState(bindings) {
  if (!canPush()) return "impossible";
  if (Notification.permission === "denied") return "blocked";
  const isOn = Notification.permission === "granted" && bindings.every((binding) => binding.push);
  return isOn && bindings.length > 0 ? "on" : "off";
}

/**
 * Asks for the permission (from a tap, or browsers refuse), subscribes and tells the server, for each account.
 * @param {Server} server
 * @param {Store} store
 * @param {Binding[]} bindings
 * @returns {Promise<PushOutcome>}
 */
export async function turnOn(server, store, bindings) {
  if ((await Notification.requestPermission()) !== "granted") return "blocked";
  return tellServer(server, store, bindings);
}

/**
 * Subscribes where the permission is there already, and tells the server what it does not know yet. Also after an update, when the browser has
 * renewed the subscription by itself.
 * @param {Server} server
 * @param {Store} store
 * @param {Binding[]} bindings
 * @returns {Promise<PushOutcome>}
 */
export async function tellServer(server, store, bindings) {
  try {
    const registration = await within(navigator.serviceWorker.ready);
    for (const binding of bindings.filter((binding) => binding.confirmed)) {
      const push = await known(async () => (await server.status(binding)).push);
      if (!push) continue;
      const existing = await registration.pushManager.getSubscription();
      // The server forgets what the push service has ended: the same subscription again would be of no use.
      if (existing && !push.subscribed && binding.push === existing.endpoint) await existing.unsubscribe();
      const data = dataOf(await within(subscriptionFor(registration, push.key)));
      if (binding.push === data.endpoint && push.subscribed) continue;
      if (!(await known(() => server.change(binding, { push: data })))) continue;
      await store.changeBinding(binding.device, { push: data.endpoint });
      binding.push = data.endpoint;
    }
    return "done";
  } catch (error) {
    return error instanceof DOMException && error.name === "TimeoutError" ? "silent" : "failed";
  }
}

/**
 * @param {Server} server
 * @param {Store} store
 * @param {Binding[]} bindings
 */
export async function turnOff(server, store, bindings) {
  for (const binding of bindings) {
    await known(() => server.change(binding, { push: null }));
    await store.changeBinding(binding.device, { push: null });
    binding.push = null;
  }
  const registration = await navigator.serviceWorker.getRegistration();
  const subscription = await registration?.pushManager.getSubscription();
  await subscription?.unsubscribe();
}

/**
 * What comes of it; null for an account that the server no longer knows, which must not keep the others from what they are asked.
 * @template T
 * @param {() => Promise<T>} ask
 * @returns {Promise<T | null>}
 */
export async function known(ask) {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Refusal && (error.code === "inactive" || error.code === "signature")) return null;
    throw error;
  }
}

/**
 * A browser has one subscription, for one server key. Accounts of one server share that key.
 * @param {ServiceWorkerRegistration} registration
 * @param {string} key
 */
async function subscriptionFor(registration, key) {
  const existing = await registration.pushManager.getSubscription();
  if (existing) {
    const bound = existing.options.applicationServerKey;
    if (bound && toBase64url(new Uint8Array(bound)) === key) return existing;
    await existing.unsubscribe();
  }
  return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: fromBase64url(key) });
}

/**
 * @param {PushSubscription} subscription
 * @returns {PushSubscriptionData}
 */
function dataOf(subscription) {
  const key = (/** @type {PushEncryptionKeyName} */ name) =>
    toBase64url(new Uint8Array(subscription.getKey(name) ?? new ArrayBuffer(0)));
  return { endpoint: subscription.endpoint, p256dh: key("p256dh"), auth: key("auth") };
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
function within(promise) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new DOMException("no answer", "TimeoutError")), TIMEOUT_MS);
  });
  return /** @type {Promise<T>} */ (Promise.race([promise, late]));
}
