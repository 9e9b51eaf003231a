// Starts the app: language, store, worker, and which view is shown.

/** @import { View } from "./ui/parts.js" */
/** @import { Waiting } from "./live/app.js" */

import { parseActivation } from "./core/link.js";
import { Unreachable } from "./core/refusal.js";
import { Store } from "./core/store.js";
import { chooseLanguage, LANGUAGES, Texts } from "./core/text.js";
import { App } from "./live/app.js";
import { linked, told, whereToAsk } from "./live/here.js";
import { Installer, whatIsMissing } from "./live/platform.js";
import { applyTheme } from "./live/theme.js";
import { h } from "./ui/dom.js";
import { heading } from "./ui/parts.js";
import { accountView } from "./views/account.js";
import { activateView } from "./views/activate.js";
import { historyView } from "./views/history.js";
import { homeView } from "./views/home.js";
import { moveView } from "./views/move.js";
import { navigation } from "./views/navigation.js";
import { outageView } from "./views/outage.js";
import { requestView } from "./views/request.js";
import { settingsView } from "./views/settings.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
const version = root.dataset["version"] ?? "";
const installer = new Installer();

/** @param {string} name */
async function fetchFile(name) {
  const answer = await fetch(new URL(name, import.meta.url)).catch((cause) => {
    throw new Unreachable(name, { cause });
  });
  // The server has another version by now, and no files of this one any more: opening the app again brings it.
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer;
}

/** @param {string | undefined} chosen */
async function loadTexts(chosen) {
  const language = LANGUAGES.find((known) => known === chosen) ?? chooseLanguage(navigator.languages);
  const texts = new Texts(language, await (await fetchFile(`lang/${language}.json`)).json());
  document.documentElement.lang = language;
  return texts;
}

/** The code of an activation link, taken out of the address at once: it must not stay in the history. */
function takeCode() {
  if (location.pathname !== "/authenticator/activate") return null;
  const found = parseActivation(location.href, location.origin);
  history.replaceState(null, "", "/#/activate");
  return found;
}

/**
 * What the page of a login has told is taken out of the address at once, like a code.
 * @param {App} app
 */
function takeHere(app) {
  if (!location.hash.startsWith("#/here/")) return;
  const here = told(location.hash, sessionStorage);
  if (here) app.here.set(here.txid, here);
  history.replaceState(null, "", here ? `/#/request/${here.txid}/${here.login}` : "/");
}

/**
 * Goes to the login's page for the number, if the link to the request names one that has not been asked yet. True if it goes.
 * @param {App} app
 * @param {Waiting} waiting
 */
function askHere(app, { request }) {
  const link = linked(location.hash);
  if (link?.txid !== request.txid || app.here.has(request.txid)) return false;
  const where = whereToAsk(request, link.login, sessionStorage);
  if (where) location.replace(where);
  return where !== null;
}

/** Registers the worker under the page's one policy of Trusted Types. Without a worker the app works, but not without a network. */
function startWorker() {
  if (!("serviceWorker" in navigator)) return;
  const types = /** @type {any} */ (globalThis).trustedTypes;
  const url = "/sw.js";
  const policy = types?.createPolicy("countersign", { createScriptURL: (/** @type {string} */ text) => {
    if (text !== url) throw new TypeError("only the worker");
    return text;
  } });
  const trusted = policy ? policy.createScriptURL(url) : url;
  navigator.serviceWorker.register(trusted, { type: "module", updateViaCache: "none" }).catch((error) => console.warn(error));
}

/**
 * The request that a route names.
 * @param {string} route
 */
function requestOf(route) {
  const [, name, txid = ""] = route.split("/");
  return name === "request" ? txid : "";
}

/** The view and what surrounds it. */
class Screen {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** @type {View | null} */
    this.view = null;
    this.shown = "";
    /** A request's view, until it is left. */
    this.pinned = "";
    this.announcer = h("div", { class: "unseen", role: "status", "aria-live": "polite" });
    this.main = h("main", { id: "main" });
    this.navigation = navigation(app);
    root.replaceChildren(this.main, this.navigation.element, this.announcer);
    globalThis.addEventListener("hashchange", () => this.update());
    app.addEventListener("change", () => this.update());
  }

  /** A request that waits comes before everything but what is being typed for an activation or a move, and stays until the person is done with it. */
  route() {
    if (this.pinned) return this.pinned;
    const route = location.hash.slice(1) || "/";
    const { waiting } = this.app;
    // The one that a link has named, otherwise the first.
    const named = requestOf(route);
    const next = waiting.has(named) ? named : waiting.keys().next().value;
    return next !== undefined && route !== "/activate" && route !== "/move" ? `/request/${next}` : route;
  }

  update() {
    const route = this.route();
    if (route === this.shown) this.view?.live?.();
    else this.show(route);
  }

  /** The request's view is done with: whatever is next. */
  leave() {
    this.pinned = "";
    // Also where the address still names it.
    this.shown = "left";
    this.update();
  }

  /** @param {string} route */
  show(route) {
    const isFirst = this.shown === "";
    this.view?.dispose?.();
    this.shown = route;
    // A link may be here before its request is.
    this.pinned = this.app.waiting.has(requestOf(route)) ? route : "";
    this.view = this.make(route);
    document.body.classList.toggle("bare", this.view.isBare ?? false);
    this.main.replaceChildren(this.view.element);
    globalThis.scrollTo(0, 0);
    const title = this.main.querySelector("h1");
    document.title = title ? `${title.textContent} – Countersign` : "Countersign";
    // Who reads by ear hears the new heading; on the first page the browser reads by itself.
    if (!isFirst || route.startsWith("/request/")) title?.focus({ preventScroll: true });
    this.navigation.live(route);
  }

  /**
   * @param {string} route
   * @returns {View}
   */
  make(route) {
    const { app } = this;
    const [, name, argument = ""] = route.split("/");
    if (name === "request") {
      const waiting = app.waiting.get(argument);
      if (waiting && askHere(app, waiting)) return { element: h("div", { class: "spinner" }), isBare: true };
      if (waiting) return requestView(app, waiting, () => this.leave(), (text) => (this.announcer.textContent = text));
    }
    if (name === "activate") return activateView(app);
    if (name === "move") return moveView(app);
    if (name === "history") return historyView(app);
    if (name === "settings") return settingsView(app);
    const binding = app.bindings.find((binding) => binding.device === argument);
    if (name === "account" && binding) return accountView(app, binding);
    if (name === "outage" && binding) return outageView(app, binding);
    return homeView(app);
  }
}

/**
 * What cannot be started says so.
 * @param {Texts} texts
 * @param {string} name
 */
function showUnsupported(texts, name) {
  document.body.classList.add("bare");
  root.replaceChildren(
    h("main", { class: "center" }, h("section", { class: "card" }, heading(texts.say(`${name}.title`)), h("p", {}, texts.say(`${name}.body`)))),
  );
}

async function start() {
  const missing = whatIsMissing();
  if (missing) return showUnsupported(await loadTexts(undefined), missing);
  let store;
  try {
    store = await Store.open();
  } catch (error) {
    console.error(error);
    return showUnsupported(await loadTexts(undefined), "unsupported.storage");
  }
  const found = takeCode();
  const texts = await loadTexts(await store.setting("language"));
  applyTheme(await store.setting("theme"));
  const app = new App({ store, texts, installer, version, words: async () => (await fetchFile("words.txt")).text() });
  app.activation.found = found;
  takeHere(app);
  await app.load();
  const screen = new Screen(app);
  screen.update();
  startWorker();
  listen(app);
  app.refreshPush().catch(console.error);
  return undefined;
}

/** @param {App} app */
function listen(app) {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") app.pull();
  });
  globalThis.addEventListener("pagehide", () => app.disconnect());
  globalThis.addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    app.connect();
    app.pull();
  });
  globalThis.addEventListener("online", () => {
    app.pull();
    app.changed();
  });
  globalThis.addEventListener("offline", () => app.changed());
  installer.addEventListener("change", () => app.changed());
  globalThis.addEventListener("hashchange", () => {
    // A link that is opened in the app that is open already.
    const found = takeCode();
    if (found) app.activation.found = found;
  });
  navigator.serviceWorker?.addEventListener("message", ({ data }) => {
    if (data?.type === "pull") app.pull();
  });
}

start().catch((error) => {
  console.error(error);
  const starting = document.getElementById("starting");
  starting?.replaceWith(
    h("p", {}, "The authenticator could not start. Check the connection and open it again."),
  );
});
