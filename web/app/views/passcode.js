// Passcodes: shown when asked for, gone after a minute.

/** @import { App } from "../live/app.js" */
/** @import { Binding } from "../../types.d.ts" */

import { hotp, totp } from "../core/otp.js";
import { drawing, h } from "../ui/dom.js";
import { ICONS } from "../ui/icons.js";
import { button } from "../ui/parts.js";

const SHOWN_MS = 60_000;
const COPIED_MS = 2_000;

/**
 * How codes come about.
 * @typedef {object} Codes
 * @property {() => Promise<string>} [next] a code that is good until it or a later one was used; each call gives another
 * @property {(time: number) => Promise<{ code: string, until: number }>} [at] the code of a time
 * @property {number} [period] for how many seconds such a one is good
 * @property {string} show the button's words
 * @property {string} how what to do with a code
 */

/**
 * An account's passcodes.
 * @param {App} app
 * @param {Binding} binding
 */
export function passcode(app, binding) {
  const { otp, otpKey } = binding;
  const words = { show: app.say("passcode.show"), how: app.say("passcode.how") };
  if (otp.kind === "hotp") return codes(app, { ...words, next: async () => hotp(otpKey, await app.nextCounter(binding), otp.digits) });
  return codes(app, { ...words, at: (time) => totp(otpKey, time, otp), period: otp.period });
}

/**
 * A button, and the codes behind it.
 * @param {App} app
 * @param {Codes} made
 */
export function codes(app, { next, at, period = 1, show, how }) {
  const element = h("div", { class: "passcode" });
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let ticking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hiding;
  let isOver = false;

  const stop = () => {
    clearInterval(ticking);
    clearTimeout(hiding);
  };
  const hide = () => {
    stop();
    element.replaceChildren(button(show, reveal, { kind: "second" }));
  };

  async function reveal() {
    const output = h("output", { class: "code", translate: "no" });
    const copied = h("span", { role: "status", class: "soft" });
    let code = "";
    const copy = h("button", { type: "button", class: "round", "aria-label": app.say("passcode.copy"), onclick: async () => {
      await navigator.clipboard.writeText(code);
      copied.textContent = app.say("passcode.copied");
      setTimeout(() => (copied.textContent = ""), COPIED_MS);
    } }, drawing(ICONS.copy));
    const another = next ? button(app.say("passcode.next"), reveal, { kind: "link", icon: ICONS.refresh }) : null;
    const left = at ? h("div", { class: "left", "aria-hidden": "true" }) : null;
    stop();
    if (next) output.textContent = grouped((code = await next()));
    if (at) {
      const tick = async () => {
        const now = app.clock.exact();
        const made = await at(now);
        if (made.code !== code) output.textContent = grouped((code = made.code));
        left?.style.setProperty("--left", String((made.until - now) / period));
      };
      await tick();
      if (isOver) return;
      ticking = setInterval(tick, 1_000);
    }
    element.replaceChildren(
      h("div", { class: "row" }, output, copy),
      left ?? "",
      h("div", { class: "row between" }, h("p", { class: "soft" }, how), copied),
      another ?? "",
    );
    hiding = setTimeout(hide, SHOWN_MS);
  }

  const dispose = () => {
    isOver = true;
    stop();
  };

  hide();
  return { element, reveal, dispose };
}

/**
 * In two halves, which are easier to read off.
 * @param {string} code
 */
function grouped(code) {
  const half = Math.ceil(code.length / 2);
  return `${code.slice(0, half)}\u2009${code.slice(half)}`;
}
