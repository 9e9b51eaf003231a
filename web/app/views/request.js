// A login waits: who, where, what; the number; yes or no.

/** @import { App, Waiting } from "../live/app.js" */
/** @import { Child } from "../ui/dom.js" */
/** @import { View } from "../ui/parts.js" */
/** @import { Answer, ClosedState } from "../../types.d.ts" */

import { Refusal } from "../core/refusal.js";
import { Settling } from "../core/settle.js";
import { pageOf } from "../live/here.js";
import { drawing, h } from "../ui/dom.js";
import { ICONS } from "../ui/icons.js";
import { button, facts, failure, heading, initial } from "../ui/parts.js";

/** Further lines that are shown without being asked for. */
const LINES = 4;
/** The last seconds are said aloud. */
const HURRY = 15;

/**
 * @param {App} app
 * @param {Waiting} waiting
 * @param {() => void} leave
 * @param {(text: string) => void} announce
 * @returns {View}
 */
export function requestView(app, waiting, leave, announce) {
  const { request } = waiting;
  const element = h("div", { class: "request" });
  // Where the person has come from, if that is a login's page in this browser.
  const here = app.here.get(request.txid);
  const back = here?.number ? pageOf(request, here.login) : "";
  /** @type {"asking" | "doubting" | "over"} */
  let stage = "asking";
  let typed = here?.number ?? "";
  let isTold = typed.length === request.digits && typed !== "";
  let isSending = false;
  let hasHurried = false;
  const bar = h("div", { class: "bar" });
  const seconds = h("span", { class: "seconds" });
  const problem = h("div", { role: "alert" });
  const settling = new Settling();
  const approve = button(app.say("request.approve"), () => send("approve"), { icon: ICONS.check, id: "approve" });
  let settled = 0;

  /** Lets the request be approved once the person has had the time to see it. */
  const settle = () => {
    clearTimeout(settled);
    const left = settling.left();
    approve.toggleAttribute("disabled", left > 0);
    if (left > 0) settled = setTimeout(settle, left);
  };
  const reappeared = () => {
    if (document.visibilityState !== "visible") return;
    settling.begin();
    settle();
  };

  const tick = () => {
    if (stage === "over") return;
    const left = request.expires - app.clock.exact();
    const whole = Math.max(1, request.expires - request.created);
    bar.style.setProperty("--left", String(Math.max(0, Math.min(1, left / whole))));
    seconds.textContent = app.say("request.left", { count: Math.max(0, Math.ceil(left)) });
    if (left <= HURRY && !hasHurried) {
      hasHurried = true;
      announce(seconds.textContent);
    }
    if (left <= 0 && !isSending) over(app.closed.get(request.txid) ?? "timed_out");
  };

  /** @param {Answer} answer */
  async function send(answer) {
    if (isSending || (answer === "approve" && settling.left() > 0)) return;
    const number = answer === "approve" && request.digits > 0 ? typed : null;
    if (number !== null && !isWhole(number)) {
      problem.replaceChildren(h("p", { class: "wrong" }, app.say("request.number.short", { count: request.digits })));
      element.querySelector("input")?.focus();
      return;
    }
    isSending = true;
    element.toggleAttribute("data-sending", true);
    problem.replaceChildren();
    try {
      over(await app.answer(waiting, answer, number));
    } catch (error) {
      refused(error);
    } finally {
      isSending = false;
      element.toggleAttribute("data-sending", false);
    }
  }

  /** @param {unknown} error */
  function refused(error) {
    if (error instanceof Refusal && ["closed", "no_such_request"].includes(error.code)) {
      return over(error.state ?? "timed_out");
    }
    if (error instanceof Refusal && error.code === "number") {
      // The server denies after the third wrong one; the pull that followed has heard of it.
      if (!app.waiting.has(request.txid)) return over("denied", "wrong_number");
      typed = "";
      isTold = false;
      ask();
      problem.replaceChildren(h("p", { class: "wrong" }, app.say("request.number.wrong")));
      element.querySelector("input")?.focus();
      return undefined;
    }
    problem.replaceChildren(failure(app, error));
    problem.scrollIntoView({ block: "nearest" });
    return undefined;
  }

  /** @param {string} text */
  const isWhole = (text) => new RegExp(`^\\d{${request.digits}}$`).test(text);

  function ask() {
    stage = "asking";
    const field = isTold ? h("p", { class: "soft", id: "here" }, app.say("request.here")) : request.digits > 0 ? numberField() : null;
    element.replaceChildren(
      head(app, waiting),
      h("div", { class: "time" }, h("div", { class: "track", "aria-hidden": "true" }, bar), seconds),
      details(app, waiting),
      h(
        "div",
        { class: "answers" },
        problem,
        field,
        approve,
        button(app.say("request.not_me"), doubt, { kind: "second", id: "not-me" }),
        back && button(app.say("request.back"), goBack, { kind: "link" }),
      ),
    );
    settle();
    tick();
  }

  function goBack() {
    location.assign(back);
  }

  function numberField() {
    const input = h("input", {
      id: "number",
      class: "number",
      inputmode: "numeric",
      pattern: "[0-9]*",
      autocomplete: "off",
      maxlength: request.digits,
      value: typed,
      "aria-describedby": "number-help",
      "enterkeyhint": "done",
      oninput: () => {
        typed = digitsOf(input.value).slice(0, request.digits);
        input.value = typed;
        problem.replaceChildren();
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && send("approve"),
    });
    return h(
      "div",
      { class: "field" },
      h("label", { for: "number" }, app.say("request.number.label", { count: request.digits })),
      input,
      h("p", { id: "number-help", class: "soft" }, app.say("request.number.help")),
    );
  }

  function doubt() {
    stage = "doubting";
    problem.replaceChildren();
    const title = heading(app.say("doubt.title"));
    element.replaceChildren(
      h("div", { class: "stack grow" }, title, h("p", { class: "lead" }, app.say("doubt.body", { application: request.statement.application }))),
      h(
        "div",
        { class: "answers" },
        problem,
        choice(app.say("doubt.fraud"), app.say("doubt.fraud.more"), "danger", "fraud", () => send("fraud")),
        choice(app.say("doubt.mistake"), app.say("doubt.mistake.more"), "second", "mistake", () => send("deny")),
        button(app.say("doubt.back"), () => {
          settling.begin();
          ask();
          element.querySelector("h1")?.focus();
        }, { kind: "link" }),
      ),
    );
    title.focus();
  }

  /**
   * @param {ClosedState} state
   * @param {string} [why]
   */
  function over(state, why = state) {
    if (stage === "over") return undefined;
    stage = "over";
    clearInterval(timer);
    const isGood = state === "approved";
    const sign = isGood ? "good" : state === "fraud" || why === "wrong_number" ? "bad" : "quiet";
    const icon = isGood ? ICONS.check : state === "fraud" ? ICONS.shield : state === "timed_out" ? ICONS.clock : ICONS.cross;
    const title = heading(app.say(`over.${why}.title`));
    element.replaceChildren(
      h(
        "div",
        { class: "stack grow over" },
        h("div", { class: `sign ${sign}` }, drawing(icon)),
        title,
        h("p", { class: "lead" }, app.say(`over.${why}.body`, { application: request.statement.application })),
      ),
      h(
        "div",
        { class: "answers" },
        back && button(app.say("request.back"), goBack, { id: "back" }),
        button(app.say("over.done"), leave, { kind: back ? "link" : "", id: "done" }),
      ),
    );
    title.focus();
    return undefined;
  }

  const live = () => {
    if (stage === "over" || isSending || app.waiting.has(request.txid)) return;
    const state = app.closed.get(request.txid);
    if (state) over(state);
  };

  const timer = setInterval(tick, 250);
  document.addEventListener("visibilitychange", reappeared);
  ask();
  app.shown(waiting);
  announce(app.say("request.announce", { application: request.statement.application }));
  const dispose = () => {
    clearInterval(timer);
    clearTimeout(settled);
    document.removeEventListener("visibilitychange", reappeared);
  };
  return { element, live, dispose, isBare: true };
}

/**
 * Digits however they are typed: Japanese keyboards write full-width ones, Arabic ones their own.
 * @param {string} text
 */
function digitsOf(text) {
  return text.normalize("NFKC").replace(/[^0-9]/g, "");
}

/**
 * @param {App} app
 * @param {Waiting} waiting
 */
function head(app, { binding, request: { statement } }) {
  const isCheck = statement.type === "Identity check";
  const title = statement.type === "Test" ? "request.test" : isCheck ? "request.check" : "request.title";
  return h(
    "header",
    { class: "asks" },
    initial(statement.application),
    h(
      "div",
      {},
      heading(app.say(title, { application: statement.application })),
      h("p", { class: "soft" }, `${binding.account.name} · ${statement.user}`),
    ),
  );
}

/**
 * @param {App} app
 * @param {Waiting} waiting
 */
function details(app, { request: { statement } }) {
  /** @type {[string, Child][]} */
  const rows = [];
  const add = (/** @type {string} */ name, /** @type {string} */ value) => value && rows.push([app.say(name), value]);
  add("fact.user", statement.user);
  add("fact.place", statement.place);
  add("fact.address", statement.address);
  add("fact.hostname", statement.hostname);
  add("fact.time", app.texts.time(statement.time));
  if (!["Login request", "Identity check", "Test"].includes(statement.type)) add("fact.type", statement.type);
  const lines = statement.info.map(([name, value]) => /** @type {[string, Child]} */ ([name, value]));
  const more = lines.slice(LINES);
  return h(
    "div",
    { class: "details", tabindex: 0, role: "group", "aria-label": app.say("request.details") },
    facts([...rows, ...lines.slice(0, LINES)]),
    more.length > 0 && h("details", {}, h("summary", {}, app.say("request.more", { count: more.length })), facts(more)),
  );
}

/**
 * @param {string} text
 * @param {string} more
 * @param {string} kind
 * @param {string} id
 * @param {() => void} onclick
 */
function choice(text, more, kind, id, onclick) {
  return h("button", { type: "button", class: `${kind} choice`, id, onclick }, h("b", {}, text), h("span", {}, more));
}
