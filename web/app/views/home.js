// The first view: whether all is well, and each account with its passcodes.

/** @import { App } from "../live/app.js" */
/** @import { View } from "../ui/parts.js" */

import { isInstalled, platform } from "../live/platform.js";
import { pushState, turnOn } from "../live/push.js";
import { drawing, h } from "../ui/dom.js";
import { ICONS } from "../ui/icons.js";
import { button, failure, heading, initial, notice, steps } from "../ui/parts.js";
import { movedNotice } from "./move.js";
import { outageLink } from "./outage.js";
import { passcode } from "./passcode.js";

/**
 * @param {App} app
 * @returns {View}
 */
export function homeView(app) {
  const element = h("div", {});
  let inner = app.bindings.length > 0 ? accountsView(app) : welcome(app);
  let shown = app.bindings;
  element.replaceChildren(inner.element);
  const live = () => {
    if (shown === app.bindings) return inner.live?.();
    inner.dispose?.();
    shown = app.bindings;
    inner = shown.length > 0 ? accountsView(app) : welcome(app);
    element.replaceChildren(inner.element);
    return undefined;
  };
  return { element, live, dispose: () => inner.dispose?.() };
}

/**
 * @param {App} app
 * @returns {View}
 */
function accountsView(app) {
  const notices = h("div", { class: "stack notices" });
  const connection = h("p", { class: "connection" });
  const cards = app.bindings.map((binding) => accountCard(app, binding));
  const element = h(
    "div",
    { class: "stack" },
    h("div", { class: "title-row" }, heading(app.say("home.title")), connection),
    notices,
    cards.map((card) => card.element),
    button(app.say("home.add"), () => app.go("/activate"), { kind: "second", icon: ICONS.plus, id: "add" }),
  );
  let shown = "";
  const live = () => {
    showConnection(app, connection);
    const wanted = noticeNames(app);
    // Built again only when something has changed: a button must not vanish under the finger.
    if (wanted.join() !== shown) {
      shown = wanted.join();
      notices.replaceChildren(...wanted.map((name) => homeNotice(app, name)));
    }
    for (const card of cards) card.live();
  };
  live();
  return { element, live, dispose: () => cards.forEach((card) => card.dispose()) };
}

/**
 * @param {App} app
 * @returns {View}
 */
function welcome(app) {
  const element = h(
    "div",
    { class: "welcome" },
    h("div", { class: "mark", "aria-hidden": "true" }, drawing(ICONS.shield), drawing("M8.500 12.200l2.400 2.400 4.600-5")),
    heading(app.say("welcome.title")),
    h("p", { class: "lead" }, app.say("welcome.body")),
    h(
      "div",
      { class: "stack actions" },
      installHint(app),
      button(app.say("welcome.activate"), () => app.go("/activate"), { icon: ICONS.camera, id: "activate" }),
      button(app.say("welcome.move"), () => app.go("/move"), { kind: "link", id: "move" }),
    ),
  );
  return { element };
}

/** @param {App} app */
function installHint(app) {
  if (isInstalled()) return null;
  if (app.installer.offer) {
    return button(app.say("install.button"), () => app.installer.install(), { kind: "second", icon: ICONS.install });
  }
  if (platform() !== "ios") return null;
  return notice(
    "info",
    app.say("install.ios.title"),
    h("p", {}, app.say("install.ios.body")),
    steps([app.say("install.ios.share"), app.say("install.ios.add"), app.say("install.ios.open")]),
  );
}

/** @param {App} app */
function noticeNames(app) {
  const names = [];
  if (!navigator.onLine) names.push("offline");
  if (app.clock.error() !== 0) names.push("clock");
  const active = app.bindings.filter((binding) => binding.confirmed && !app.gone.has(binding.device));
  const state = pushState(active);
  if (state === "blocked") names.push("blocked");
  if (state === "off" && active.length > 0) names.push("off");
  if (!isInstalled() && (app.installer.offer || platform() === "ios")) names.push("install");
  return names;
}

/**
 * @param {App} app
 * @param {string} name
 * @returns {Node}
 */
function homeNotice(app, name) {
  if (name === "offline") return notice("warning", app.say("offline.title"), h("p", {}, app.say("offline.body")));
  if (name === "clock") {
    const minutes = Math.max(1, Math.round(Math.abs(app.clock.error()) / 60));
    const title = app.say(app.clock.error() > 0 ? "clock.ahead" : "clock.behind", { count: minutes });
    return notice("warning", title, h("p", {}, app.say("clock.body")));
  }
  if (name === "blocked") return notice("warning", app.say("push.blocked.title"), h("p", {}, app.say("push.blocked.body")));
  if (name === "off") return notifyOffer(app);
  return installHint(app) ?? h("div", {});
}

/**
 * Offers notifications; says what came of it.
 * @param {App} app
 */
export function notifyOffer(app) {
  const outcome = h("div", { role: "status" });
  const turn = button(app.say("push.turn_on"), async () => {
    turn.disabled = true;
    outcome.replaceChildren(h("p", { class: "soft" }, app.say("push.asking")));
    const result = await turnOn(app.server, app.store, app.bindings).catch((error) => error);
    turn.disabled = false;
    outcome.replaceChildren();
    if (result === "silent") outcome.replaceChildren(h("p", {}, app.say("push.silent")));
    else if (result === "failed") outcome.replaceChildren(h("p", {}, app.say("push.failed")));
    else if (result instanceof Error) outcome.replaceChildren(failure(app, result));
    app.changed();
  }, { kind: "second", icon: ICONS.bell });
  return notice("info", app.say("push.off.title"), h("p", {}, app.say("push.off.body")), turn, outcome);
}

/**
 * @param {App} app
 * @param {HTMLElement} element
 */
function showConnection(app, element) {
  const states = app.bindings.filter((binding) => binding.confirmed && !app.gone.has(binding.device));
  const isOpen = navigator.onLine && states.length > 0 && states.every((binding) => app.states.get(binding.device) === "open");
  const text = app.say(states.length === 0 || !navigator.onLine ? "connection.none" : isOpen ? "connection.open" : "connection.closed");
  element.className = `connection ${isOpen ? "open" : ""}`;
  if (element.textContent !== text) element.replaceChildren(h("span", { class: "dot", "aria-hidden": "true" }), text);
}

/**
 * @param {App} app
 * @param {import("../../types.d.ts").Binding} binding
 */
function accountCard(app, binding) {
  const body = h("div", { class: "stack" });
  const news = h("div", { class: "stack" });
  const element = h(
    "section",
    { class: "card account", "aria-label": binding.account.name },
    h(
      "div",
      { class: "who" },
      initial(binding.account.name),
      h("div", {}, h("h2", {}, binding.account.name), h("p", { class: "soft" }, binding.user)),
    ),
    news,
    body,
  );
  let state = "";
  let told = "";
  /** @type {{ element: HTMLElement, dispose: () => void } | null} */
  let code = null;
  // What happened to the same person's other phones.
  const tell = () => {
    const unread = app.unread(binding);
    const next = unread.map((move) => `${move.device} ${move.at} ${move.contested}`).join();
    if (next === told) return;
    told = next;
    news.replaceChildren(
      ...unread.map((move) =>
        movedNotice(app, binding, move, button(app.say(move.contested ? "moved.read" : "moved.mine"), () => app.acknowledge(move), { kind: "link" })),
      ),
    );
  };
  const live = () => {
    tell();
    const moved = app.moved.get(binding.device);
    const now = app.gone.has(binding.device) ? "gone" : binding.confirmed ? "ready" : "unconfirmed";
    const next = now === "gone" && moved ? `moved ${moved.contested}` : now === "ready" && binding.outages?.length ? "ready outage" : now;
    if (next === state) return;
    state = next;
    code?.dispose();
    code = null;
    if (state.startsWith("ready")) {
      code = passcode(app, binding);
      body.replaceChildren(code.element, ...(state === "ready outage" ? [outageLink(app, binding)] : []));
    } else if (state === "unconfirmed") {
      body.replaceChildren(
        notice(
          "info",
          app.say("confirm.title"),
          h("p", { class: "phrase", translate: "no" }, binding.phrase),
          h("p", {}, app.say("confirm.body")),
          button(app.say("confirm.other"), () => app.go(`/account/${binding.device}`), { kind: "link" }),
        ),
      );
    } else if (moved) {
      body.replaceChildren(
        movedNotice(app, binding, moved),
        button(app.say("moved.back"), () => app.go("/move"), { kind: "second" }),
        button(app.say("gone.remove"), () => app.go(`/account/${binding.device}`), { kind: "link" }),
      );
    } else {
      body.replaceChildren(
        notice(
          "bad",
          app.say("gone.title"),
          h("p", {}, app.say("gone.body")),
          button(app.say("gone.activate"), () => app.go("/activate"), { kind: "second" }),
          button(app.say("gone.move"), () => app.go("/move"), { kind: "link" }),
          button(app.say("gone.remove"), () => app.go(`/account/${binding.device}`), { kind: "link" }),
        ),
      );
    }
  };
  live();
  return { element, live, dispose: () => code?.dispose() };
}
