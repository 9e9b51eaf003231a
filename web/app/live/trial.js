// Does a notification reach this phone? A request that counts for nothing goes the whole way: server, push service, worker, signature.

/** @import { App } from "./app.js" */
/** @import { Binding } from "../../types.d.ts" */

const EVERY_MS = 1_000;
/** Longer than push services take that are at work. */
const PATIENCE_MS = 30_000;

/** @typedef {"asked" | "accepted" | "arrived"} Stage */
/** @typedef {"arrived" | "not_woken" | "not_accepted" | "not_arrived"} Outcome */

/**
 * Sends a test and tells each stage as it is reached. The request is closed whatever comes of it.
 * @param {App} app
 * @param {Binding} binding
 * @param {(stage: Stage) => void} onStage
 * @returns {Promise<Outcome>}
 */
export async function tryNotification(app, binding, onStage) {
  app.isTesting = true;
  /** @type {Set<string>} */
  const arrived = new Set();
  let wake = () => {};
  const listen = (/** @type {MessageEvent} */ { data }) => {
    if (data?.type !== "test") return;
    arrived.add(data.txid);
    wake();
  };
  navigator.serviceWorker?.addEventListener("message", listen);
  let txid = "";
  try {
    const test = await app.server.test(binding);
    txid = test.txid;
    onStage("asked");
    if (!test.wakes) return "not_woken";
    let isAccepted = false;
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
      if (arrived.has(txid)) {
        if (!isAccepted) onStage("accepted");
        onStage("arrived");
        return "arrived";
      }
      if (!isAccepted && (await app.server.testState(binding, txid)).accepted) {
        isAccepted = true;
        onStage("accepted");
      }
      await new Promise((resolve) => {
        wake = () => resolve(undefined);
        if (arrived.has(txid)) wake();
        setTimeout(wake, EVERY_MS);
      });
    }
    return isAccepted ? "not_arrived" : "not_accepted";
  } finally {
    navigator.serviceWorker?.removeEventListener("message", listen);
    await close(app, binding, txid, arrived.has(txid));
    app.isTesting = false;
  }
}

/**
 * Answers what was sent, as any login is answered; that it fails changes nothing of what was found out.
 * @param {App} app
 * @param {Binding} binding
 * @param {string} txid
 * @param {boolean} hasArrived
 */
async function close(app, binding, txid, hasArrived) {
  if (!txid) return;
  try {
    const waiting = await app.server.waiting(binding);
    const request = waiting.find((request) => request.txid === txid);
    app.over.add(txid);
    if (request) await app.server.answer(binding, request, hasArrived ? "approve" : "deny", null);
  } catch (error) {
    console.warn(error);
  }
}
