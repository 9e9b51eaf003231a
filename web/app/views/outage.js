// Codes for when the application cannot reach the server: one for each group of applications, made without a network.

/** @import { App } from "../live/app.js" */
/** @import { View } from "../ui/parts.js" */
/** @import { Binding } from "../../types.d.ts" */

import { groupName, outageCode, outageKey, PERIOD } from "../core/outage.js";
import { h } from "../ui/dom.js";
import { button, headingWithBack, initial } from "../ui/parts.js";
import { codes } from "./passcode.js";

/**
 * The way here.
 * @param {App} app
 * @param {Binding} binding
 */
export function outageLink(app, binding) {
  return button(app.say("outage.open"), () => app.go(`/outage/${binding.device}`), { kind: "link", id: `outage-${binding.device}` });
}

/**
 * @param {App} app
 * @param {Binding} binding
 * @returns {View}
 */
export function outageView(app, binding) {
  const known = () => binding.outages ?? [];
  const body = h("p", { class: "lead" });
  const cards = h("div", { class: "stack" });
  /** @type {Map<string, { element: HTMLElement, reveal: () => void, dispose: () => void }>} */
  const shown = new Map();

  /**
   * @param {string} group
   * @param {string[]} applications
   */
  const show = (group, applications) => {
    const card = shown.get(group) ?? groupCard(app, binding, group, applications);
    shown.set(group, card);
    cards.append(card.element);
    return card;
  };
  const live = () => {
    body.textContent = app.say(known().length > 0 ? "outage.body" : "outage.none");
    for (const { group, applications } of known()) if (!shown.has(group)) show(group, applications);
  };

  live();
  // Who came here wants the code; of several they choose.
  if (shown.size === 1) shown.values().next().value?.reveal();
  const element = h(
    "div",
    { class: "stack" },
    headingWithBack(app, app.say("outage.title"), "/"),
    body,
    cards,
    h(
      "details",
      { class: "card help", open: known().length === 0 },
      h("summary", {}, app.say("outage.other.title")),
      otherGroup(app, (group) => {
        const card = show(group, []);
        card.reveal();
        card.element.scrollIntoView({ block: "center" });
      }),
    ),
  );
  return { element, live, dispose: () => shown.forEach((card) => card.dispose()) };
}

/**
 * @param {App} app
 * @param {Binding} binding
 * @param {string} group
 * @param {string[]} applications
 */
function groupCard(app, binding, group, applications) {
  /** @type {Promise<CryptoKey> | undefined} */
  let key;
  const { element, reveal, dispose } = codes(app, {
    show: app.say("outage.show"),
    how: app.say("outage.how"),
    at: async (time) => outageCode(await (key ??= outageKey(binding.otpKey, binding.account.id, group)), time),
    period: PERIOD,
  });
  const title = applications.length > 0 ? applications.join(", ") : group;
  const card = h(
    "section",
    { class: "card outage", "aria-label": title },
    h("div", { class: "who" }, initial(title), h("div", {}, h("h2", {}, title), h("p", { class: "soft" }, app.say("outage.group", { group })))),
    element,
  );
  return { element: card, reveal, dispose };
}

/**
 * For a group that this phone has not heard of: the login names it.
 * @param {App} app
 * @param {(group: string) => void} show
 */
function otherGroup(app, show) {
  const wrong = h("p", { class: "wrong", id: "group-wrong", role: "status" });
  const input = h("input", { id: "group", maxlength: 40, autocomplete: "off", autocapitalize: "none", spellcheck: "false", enterkeyhint: "done", "aria-describedby": "group-wrong" });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const group = groupName(input.value);
    wrong.textContent = group ? "" : app.say("outage.other.wrong");
    if (!group) return input.focus();
    input.value = "";
    return show(group);
  };
  return h(
    "form",
    { class: "inner stack", onsubmit: submit },
    h("p", { class: "soft" }, app.say("outage.other.body")),
    h("div", { class: "field" }, h("label", { for: "group" }, app.say("outage.other.label")), input, wrong),
    h("button", { type: "submit", class: "second" }, app.say("outage.show")),
  );
}
