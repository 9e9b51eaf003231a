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
 * @param {App} app
 * @param {Binding} binding
 */
export function passcode(app, binding) {
  const element = h("div", { class: "passcode" });
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let ticking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hiding;

  const hide = () => {
    clearInterval(ticking);
    clearTimeout(hiding);
    element.replaceChildren(button(app.say("passcode.show"), reveal, { kind: "second" }));
  };

  async function reveal() {
    const { otp } = binding;
    const output = h("output", { class: "code", translate: "no" });
    const copied = h("span", { role: "status", class: "soft" });
    let code = "";
    const copy = h("button", { type: "button", class: "round", "aria-label": app.say("passcode.copy"), onclick: async () => {
      await navigator.clipboard.writeText(code);
      copied.textContent = app.say("passcode.copied");
      setTimeout(() => (copied.textContent = ""), COPIED_MS);
    } }, drawing(ICONS.copy));
    const next = otp.kind === "hotp" ? button(app.say("passcode.next"), reveal, { kind: "link", icon: ICONS.refresh }) : null;
    const left = otp.kind === "totp" ? h("div", { class: "left", "aria-hidden": "true" }) : null;
    if (otp.kind === "hotp") {
      code = await hotp(binding.otpKey, await app.nextCounter(binding), otp.digits);
      output.textContent = grouped(code);
    } else {
      const { digits, period } = otp;
      const show = async () => {
        const now = app.clock.exact();
        const made = await totp(binding.otpKey, now, { digits, period });
        if (made.code !== code) output.textContent = grouped((code = made.code));
        left?.style.setProperty("--left", String((made.until - now) / period));
      };
      await show();
      clearInterval(ticking);
      ticking = setInterval(show, 1_000);
    }
    element.replaceChildren(
      h("div", { class: "row" }, output, copy),
      left ?? "",
      h("div", { class: "row between" }, h("p", { class: "soft" }, app.say("passcode.how")), copied),
      next ?? "",
    );
    clearTimeout(hiding);
    hiding = setTimeout(hide, SHOWN_MS);
  }

  hide();
  return { element, dispose: () => (clearInterval(ticking), clearTimeout(hiding)) };
}

/**
 * In two halves, which are easier to read off.
 * @param {string} code
 */
function grouped(code) {
  const half = Math.ceil(code.length / 2);
  return `${code.slice(0, half)}\u2009${code.slice(half)}`;
}
