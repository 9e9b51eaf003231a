// A code becomes an account on this phone: scanned, pasted, or from the link that was opened.

/** @import { App } from "../live/app.js" */
/** @import { View } from "../ui/parts.js" */
/** @import { Activation } from "../core/link.js" */
/** @import { Binding } from "../../types.d.ts" */

import { parseActivation } from "../core/link.js";
import { emptyActivation } from "../live/app.js";
import { isInstalled, platform, platformName } from "../live/platform.js";
import { pushState } from "../live/push.js";
import { readPicture, scan } from "../live/scan.js";
import { drawing, h } from "../ui/dom.js";
import { ICONS } from "../ui/icons.js";
import { backButton, button, facts, failure, heading, notice, steps } from "../ui/parts.js";
import { notifyOffer } from "./home.js";

/**
 * @param {App} app
 * @returns {View}
 */
export function activateView(app) {
  const element = h("div", { class: "stack fill" });
  /** @type {() => void} */
  let stop = () => {};
  const flow = { app, element, go, stop: () => stop(), onStop: (/** @type {() => void} */ next) => (stop = next) };

  /** @param {(flow: Flow) => void} step */
  function go(step) {
    stop();
    stop = () => {};
    step(flow);
    element.querySelector("h1")?.focus({ preventScroll: true });
  }

  const found = app.activation.found;
  go(found ? (flow) => meet(flow, found) : choose);
  return { element, dispose: () => stop(), isBare: true };
}

/** @typedef {{ app: App, element: HTMLElement, go: (step: (flow: Flow) => void) => void, stop: () => void, onStop: (stop: () => void) => void }} Flow */

/**
 * A step's heading, with a way out.
 * @param {Flow} flow
 * @param {string} text
 */
function top({ app }, text) {
  return h("div", { class: "heading" }, backButton(app, "/"), heading(text));
}

/**
 * Scan or paste.
 * @param {Flow} flow
 */
function choose(flow) {
  const { app, element, go } = flow;
  const problem = h("div", { role: "alert" });
  const input = h("textarea", {
    id: "code",
    rows: 2,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": "code-help",
    oninput: () => {
      // Kept when the view is left: nothing typed is lost.
      app.activation.typed = input.value;
      problem.replaceChildren();
    },
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      take();
    },
  });
  input.value = app.activation.typed;
  const take = () => {
    const found = parseActivation(input.value, location.origin);
    if (found) return go((flow) => meet(flow, found));
    problem.replaceChildren(h("p", { class: "wrong" }, app.say("activate.not_a_code")));
    input.focus();
    return undefined;
  };
  element.replaceChildren(
    top(flow, app.say("activate.title")),
    h("p", { class: "lead" }, app.say("activate.body")),
    h("div", { class: "stack grow" }, button(app.say("activate.scan"), () => go(camera), { icon: ICONS.camera, id: "scan" })),
    h(
      "section",
      { class: "card stack" },
      h(
        "div",
        { class: "field" },
        h("label", { for: "code" }, app.say("activate.paste")),
        input,
        h("p", { id: "code-help", class: "soft" }, app.say("activate.paste.help")),
      ),
      problem,
      button(app.say("activate.next"), take, { kind: "second", id: "next" }),
    ),
    h("div", { class: "answers" }, button(app.say("activate.no_code"), () => app.go("/move"), { kind: "link", id: "no-code" })),
  );
}

/** @param {Flow} flow */
function camera(flow) {
  const { app, element, go } = flow;
  const video = h("video", { playsinline: true, muted: true, "aria-label": app.say("camera.label") });
  const status = h("div", { role: "status" });
  const picture = h("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    onchange: async () => {
      const file = picture.files?.[0];
      const text = file ? await readPicture(file).catch(() => null) : null;
      if (text) seen(text);
      else status.replaceChildren(notice("warning", app.say("camera.nothing.title"), h("p", {}, app.say("camera.nothing.body"))));
      picture.value = "";
    },
  });
  /** @param {string} text */
  const seen = (text) => {
    const found = parseActivation(text, location.origin);
    if (found) return go((flow) => meet(flow, found));
    status.replaceChildren(notice("warning", app.say("camera.other.title"), h("p", {}, app.say("camera.other.body"))));
    return undefined;
  };
  element.replaceChildren(
    top(flow, app.say("camera.title")),
    h("div", { class: "viewfinder" }, video, h("div", { class: "frame", "aria-hidden": "true" })),
    h("p", { class: "soft" }, app.say("camera.help")),
    status,
    h(
      "div",
      { class: "answers" },
      picture,
      button(app.say("camera.picture"), () => picture.click(), { kind: "second" }),
      button(app.say("camera.paste"), () => go(choose), { kind: "link", id: "paste" }),
    ),
  );
  scan(video, seen).then(flow.onStop, (/** @type {DOMException} */ error) => {
    const name = error.name === "NotAllowedError" ? "denied" : error.name === "NotFoundError" ? "none" : "busy";
    element.querySelector(".viewfinder")?.remove();
    status.replaceChildren(notice("warning", app.say(`camera.${name}.title`), h("p", {}, app.say(`camera.${name}.body`))));
  });
}

/**
 * A code was found: is it for here, and is it wanted?
 * @param {Flow} flow
 * @param {Activation} found
 */
function meet(flow, found) {
  const { app, element, go } = flow;
  app.activation.found = found;
  const forget = () => {
    app.activation.found = null;
    go(choose);
  };
  if (found.origin !== location.origin) return elsewhere(flow, found, forget);
  const problem = h("div", { role: "alert" });
  const input = h("input", { id: "name", maxlength: 64, autocomplete: "off", enterkeyhint: "go", oninput: () => (app.activation.name = input.value) });
  input.value = app.activation.name || platformName();
  const submit = h("button", { type: "submit", id: "bind" }, app.say("meet.activate"));
  const form = h(
    "form",
    {
      class: "answers",
      onsubmit: async (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        problem.replaceChildren();
        submit.disabled = true;
        submit.textContent = app.say("meet.working");
        try {
          const binding = await app.activate(found.code, { name: input.value.trim() || platformName(), platform: platformName() });
          app.activation = emptyActivation();
          go((flow) => welcome(flow, binding));
        } catch (error) {
          submit.disabled = false;
          submit.textContent = app.say("meet.activate");
          problem.replaceChildren(failure(app, error));
          problem.scrollIntoView({ block: "nearest" });
        }
      },
    },
    h("div", { class: "field" }, h("label", { for: "name" }, app.say("meet.name")), input, h("p", { class: "soft" }, app.say("meet.name.help"))),
    problem,
    submit,
    button(app.say("meet.other"), forget, { kind: "link" }),
  );
  element.replaceChildren(
    top(flow, app.say("meet.title")),
    h("p", { class: "lead" }, app.say("meet.body")),
    facts([[app.say("fact.server"), location.host]]),
    !isInstalled() && platform() === "ios" ? installFirst(app, found) : h("div", {}),
    h("div", { class: "grow" }),
    form,
  );
  return undefined;
}

/**
 * On iOS what a page in Safari keeps is not what the installed app keeps, so the code is better used there.
 * @param {App} app
 * @param {Activation} found
 */
function installFirst(app, found) {
  const copied = h("span", { role: "status", class: "soft" });
  return notice(
    "info",
    app.say("install.ios.title"),
    h("p", {}, app.say("install.ios.first")),
    steps([app.say("install.ios.copy"), app.say("install.ios.share"), app.say("install.ios.add"), app.say("install.ios.open_paste")]),
    button(app.say("install.ios.copy_code"), async () => {
      await navigator.clipboard.writeText(found.code);
      copied.textContent = app.say("passcode.copied");
    }, { kind: "second", icon: ICONS.copy }),
    copied,
  );
}

/**
 * @param {Flow} flow
 * @param {Activation} found
 * @param {() => void} forget
 */
function elsewhere(flow, found, forget) {
  const { app, element } = flow;
  const host = new URL(found.origin).host;
  element.replaceChildren(
    top(flow, app.say("elsewhere.title")),
    h("p", { class: "lead" }, app.say("elsewhere.body", { host })),
    facts([[app.say("elsewhere.here"), location.host], [app.say("elsewhere.there"), host]]),
    h("div", { class: "grow" }),
    h(
      "div",
      { class: "answers" },
      h("a", { class: "button", href: `${found.origin}/authenticator/activate#${found.code}`, rel: "noreferrer" }, app.say("elsewhere.open", { host })),
      button(app.say("meet.other"), forget, { kind: "link" }),
    ),
  );
}

/**
 * Bound: the phrase to compare, then notifications.
 * @param {Flow} flow
 * @param {Binding} binding
 */
function welcome(flow, binding) {
  const { app, element } = flow;
  const state = h("div", { class: "stack", role: "status" });
  const done = button(app.say("bound.done"), () => app.go("/"), { id: "done" });
  const show = () => {
    if (binding.confirmed) {
      const offers = pushState([binding]) === "off" ? notifyOffer(app) : null;
      state.replaceChildren(h("p", {}, app.say("bound.compare")), offers ?? "");
    } else {
      state.replaceChildren(h("p", {}, app.say("bound.confirm")), h("p", { class: "waiting" }, h("span", { class: "spinner small", "aria-hidden": "true" }), app.say("bound.waiting")));
    }
    done.textContent = app.say(binding.confirmed ? "bound.done" : "bound.later");
    done.className = binding.confirmed ? "" : "second";
  };
  let wasConfirmed = binding.confirmed;
  const listen = () => {
    if (binding.confirmed === wasConfirmed) return;
    wasConfirmed = binding.confirmed;
    show();
  };
  app.addEventListener("change", listen);
  flow.onStop(() => app.removeEventListener("change", listen));
  show();
  element.replaceChildren(
    h("div", { class: "sign good" }, drawing(ICONS.check)),
    heading(app.say(binding.confirmed ? "bound.title" : "bound.title.almost")),
    h("p", { class: "lead" }, app.say("bound.body", { account: binding.account.name, user: binding.user })),
    h("p", { class: "phrase", translate: "no" }, binding.phrase),
    state,
    h("div", { class: "grow" }),
    h("div", { class: "answers" }, done, button(app.say("bound.wrong"), () => app.go(`/account/${binding.device}`), { kind: "link" })),
  );
}
