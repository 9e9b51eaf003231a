// An account comes to this phone: its person proves with a passkey or a recovery code that it is theirs.

/** @import { App } from "../live/app.js" */
/** @import { View } from "../ui/parts.js" */
/** @import { Binding, MoveNotice, MoveResponse } from "../../types.d.ts" */

import { random, toBase64url } from "../core/bytes.js";
import { hasPasskeys, signWithPasskey } from "../core/passkey.js";
import { Refusal } from "../core/refusal.js";
import { emptyMove } from "../live/app.js";
import { platformName } from "../live/platform.js";
import { pushState } from "../live/push.js";
import { drawing, h } from "../ui/dom.js";
import { ICONS } from "../ui/icons.js";
import { backButton, button, facts, failure, heading, notice, steps } from "../ui/parts.js";
import { notifyOffer } from "./home.js";

/** @typedef {{ app: App, element: HTMLElement, go: (step: (flow: Flow) => void) => void }} Flow */

/**
 * @param {App} app
 * @returns {View}
 */
export function moveView(app) {
  const element = h("div", { class: "stack fill" });
  const flow = { app, element, go };

  /** @param {(flow: Flow) => void} step */
  function go(step) {
    step(flow);
    element.querySelector("h1")?.focus({ preventScroll: true });
    globalThis.scrollTo(0, 0);
  }

  const { proven } = app.moving;
  if (proven && proven.expires <= app.clock.seconds()) app.moving.proven = null;
  go(app.moving.proven ? arrive : choose);
  return { element, isBare: true };
}

/**
 * @param {Flow} flow
 * @param {string} text
 */
function top({ app }, text) {
  return h("div", { class: "heading" }, backButton(app, "/"), heading(text));
}

/**
 * By passkey or by code.
 * @param {Flow} flow
 */
function choose(flow) {
  const { app, element } = flow;
  const problem = h("div", { role: "alert" });
  const username = h("input", {
    id: "username",
    autocomplete: "username",
    autocapitalize: "off",
    spellcheck: "false",
    maxlength: 256,
    required: true,
    enterkeyhint: "next",
    value: app.moving.username,
    oninput: () => (app.moving.username = username.value),
  });
  const code = h("input", {
    id: "recovery",
    autocomplete: "one-time-code",
    inputmode: "numeric",
    autocapitalize: "off",
    spellcheck: "false",
    maxlength: 64,
    required: true,
    enterkeyhint: "go",
    value: app.moving.code,
    "aria-describedby": "recovery-help",
    oninput: () => (app.moving.code = code.value),
  });
  const submit = h("button", { type: "submit", class: hasPasskeys() ? "second" : "", id: "prove" }, app.say("activate.next"));
  const passkey = button(app.say("move.passkey"), () => attempt(() => byPasskey(app)), { icon: ICONS.key, id: "passkey" });

  /**
   * Nothing typed is lost by what goes wrong.
   * @param {() => Promise<unknown>} prove
   */
  async function attempt(prove) {
    problem.replaceChildren();
    submit.disabled = passkey.disabled = true;
    try {
      await prove();
      flow.go(arrive);
    } catch (error) {
      problem.replaceChildren(isNotDone(error) ? notice("warning", app.say("move.none.title"), h("p", {}, app.say("move.none.body"))) : failure(app, error));
      problem.scrollIntoView({ block: "nearest" });
    } finally {
      submit.disabled = passkey.disabled = false;
    }
  }

  const form = h(
    "form",
    {
      class: "card stack",
      onsubmit: (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        attempt(() => app.prove({ kind: "code", username: username.value.trim(), code: code.value }));
      },
    },
    h("h2", {}, app.say("move.code")),
    h("div", { class: "field" }, h("label", { for: "username" }, app.say("move.username")), username),
    h("div", { class: "field" }, h("label", { for: "recovery" }, app.say("move.recovery")), code, h("p", { id: "recovery-help", class: "soft" }, app.say("move.recovery.help"))),
    submit,
  );
  element.replaceChildren(
    top(flow, app.say("move.title")),
    h("p", { class: "lead" }, app.say("move.body")),
    problem,
    hasPasskeys() && h("section", { class: "card stack" }, h("h2", {}, app.say("move.passkey.title")), h("p", { class: "soft" }, app.say("move.passkey.body")), passkey) || "",
    form,
    h(
      "details",
      { class: "card help" },
      h("summary", {}, app.say("move.neither")),
      steps([app.say("move.neither.old"), app.say("move.neither.other"), app.say("move.neither.desk")]),
    ),
    h("div", { class: "answers" }, button(app.say("move.have_code"), () => app.go("/activate"), { kind: "link" })),
  );
}

/** @param {App} app */
async function byPasskey(app) {
  const session = toBase64url(random(16));
  const { ceremony, options } = await app.server.beginMove(session);
  const response = await signWithPasskey(options);
  return app.prove({ kind: "passkey", session, ceremony, response });
}

/**
 * Whether no passkey was used: there is none here, or the person has changed their mind. Browsers do not say which.
 * @param {unknown} error
 */
function isNotDone(error) {
  return error instanceof DOMException && ["NotAllowedError", "AbortError", "SecurityError", "InvalidStateError"].includes(error.name);
}

/**
 * It is theirs: what it replaces, and what this phone is called.
 * @param {Flow} flow
 */
function arrive(flow) {
  const { app, element } = flow;
  const proven = /** @type {MoveResponse} */ (app.moving.proven);
  const [first] = proven.devices;
  const problem = h("div", { role: "alert" });
  let replaces = first?.device_id;
  const input = h("input", { id: "name", maxlength: 64, autocomplete: "off", enterkeyhint: "go", oninput: () => (app.moving.name = input.value) });
  input.value = app.moving.name || platformName();
  const submit = h("button", { type: "submit", id: "bring" }, app.say("move.bring"));
  const again = () => {
    app.moving = { ...emptyMove(), username: app.moving.username };
    flow.go(choose);
  };
  const form = h(
    "form",
    {
      class: "answers",
      onsubmit: async (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        problem.replaceChildren();
        submit.disabled = true;
        try {
          const name = input.value.trim() || platformName();
          const binding = await app.move(proven, { name, platform: platformName(), replaces });
          flow.go((flow) => welcome(flow, binding));
        } catch (error) {
          submit.disabled = false;
          problem.replaceChildren(
            failure(app, error),
            // What was proven is used up or over.
            error instanceof Refusal && error.code === "activation_invalid" ? button(app.say("move.again"), again, { kind: "second" }) : "",
          );
          problem.scrollIntoView({ block: "nearest" });
        }
      },
    },
    h("div", { class: "field" }, h("label", { for: "name" }, app.say("meet.name")), input),
    problem,
    submit,
    button(app.say("move.not_now"), () => app.go("/"), { kind: "link" }),
  );
  element.replaceChildren(
    top(flow, app.say("move.arrive.title")),
    facts([[app.say("fact.account"), proven.account.name], [app.say("fact.user"), proven.user.name]]),
    first && proven.devices.length === 1 ? notice("warning", app.say("move.stops.title", { device: first.name }), h("p", {}, app.say("move.stops.body"))) : "",
    proven.devices.length > 1 ? which(app, proven, (device) => (replaces = device)) : "",
    h("div", { class: "grow" }),
    form,
  );
}

/**
 * @param {App} app
 * @param {MoveResponse} proven
 * @param {(device: string) => void} choose
 */
function which(app, { devices }, choose) {
  return h(
    "fieldset",
    { class: "card stack choices" },
    h("legend", {}, app.say("move.which")),
    devices.map(({ device_id, name }, at) =>
      h(
        "label",
        {},
        h("input", { type: "radio", name: "replaces", value: device_id, checked: at === 0, onchange: () => choose(device_id) }),
        h("span", {}, name),
      ),
    ),
    h("p", { class: "soft" }, app.say("move.stops.body")),
  );
}

/**
 * @param {Flow} flow
 * @param {Binding} binding
 */
function welcome(flow, binding) {
  const { app, element } = flow;
  element.replaceChildren(
    h("div", { class: "sign good" }, drawing(ICONS.check)),
    heading(app.say("moved.here.title")),
    h("p", { class: "lead" }, app.say("bound.body", { account: binding.account.name, user: binding.user })),
    h("p", {}, app.say("moved.here.body")),
    pushState([binding]) === "off" ? notifyOffer(app) : "",
    h("div", { class: "grow" }),
    h("div", { class: "answers" }, button(app.say("bound.done"), () => app.go("/"), { id: "done" })),
  );
}

/**
 * What a person is told of a move that was made elsewhere, with the way to say that it was not theirs.
 * @param {App} app
 * @param {Binding} binding
 * @param {MoveNotice} move
 * @param {...Node} more
 */
export function movedNotice(app, binding, move, ...more) {
  const isOwn = move.device === binding.device;
  const when = app.texts.moment(move.at);
  if (move.contested) {
    return notice("bad", app.say("moved.contested.title"), h("p", {}, app.say("moved.contested.body")), ...more);
  }
  const outcome = h("div", { class: "stack", role: "status" });
  const sure = button(app.say("moved.contest.sure"), async () => {
    sure.disabled = true;
    try {
      await app.contest(binding, move);
    } catch (error) {
      sure.disabled = false;
      outcome.replaceChildren(failure(app, error));
    }
  }, { kind: "danger", id: "contest-sure" });
  const ask = button(app.say("moved.contest"), () => {
    ask.remove();
    outcome.replaceChildren(h("p", {}, app.say("moved.contest.body")), sure);
    sure.focus();
  }, { kind: "danger", id: "contest" });
  const what = isOwn ? "away" : move.added ? "added" : "beside";
  return notice(
    isOwn ? "bad" : "warning",
    app.say(`moved.${what}.title`),
    h("p", {}, app.say(`moved.${what}.body`, { name: move.name || app.say("moved.unnamed"), time: when })),
    move.contestable ? ask : "",
    outcome,
    ...more,
  );
}
