// One account: what it is, its name for this phone, taking it off.

/** @import { App } from "../live/app.js" */
/** @import { View } from "../ui/parts.js" */
/** @import { Binding } from "../../types.d.ts" */

import { h } from "../ui/dom.js";
import { button, facts, failure, headingWithBack, notice } from "../ui/parts.js";
import { outageLink } from "./outage.js";

/**
 * @param {App} app
 * @param {Binding} binding
 * @returns {View}
 */
export function accountView(app, binding) {
  const outcome = h("div", { role: "status" });
  const input = h("input", { id: "name", value: binding.name, maxlength: 64, autocomplete: "off", enterkeyhint: "done" });
  const rename = h(
    "form",
    {
      class: "stack",
      onsubmit: async (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        try {
          await app.rename(binding, input.value);
          outcome.replaceChildren(notice("good", app.say("account.renamed")));
        } catch (error) {
          outcome.replaceChildren(failure(app, error));
        }
      },
    },
    h("div", { class: "field" }, h("label", { for: "name" }, app.say("account.name")), input),
    h("button", { type: "submit", class: "second" }, app.say("account.rename")),
  );
  const element = h(
    "div",
    { class: "stack" },
    headingWithBack(app, binding.account.name, "/settings"),
    h(
      "section",
      { class: "card" },
      facts([
        [app.say("fact.user"), binding.user],
        [app.say("account.added"), app.texts.moment(binding.added)],
        [app.say("account.key"), app.say("account.key.kept")],
        [app.say("account.id"), h("code", {}, binding.device)],
      ]),
    ),
    binding.confirmed && !app.gone.has(binding.device) && h("section", { class: "card" }, rename),
    binding.confirmed && !app.gone.has(binding.device) && outageLink(app, binding),
    outcome,
    removal(app, binding, outcome),
  );
  return { element };
}

/**
 * @param {App} app
 * @param {Binding} binding
 * @param {HTMLElement} outcome
 */
function removal(app, binding, outcome) {
  const place = h("div", { class: "stack" });
  const offer = () => place.replaceChildren(button(app.say("account.remove"), ask, { kind: "danger", id: "remove" }));
  const ask = () => {
    const sure = button(app.say("account.remove.sure"), async () => {
      sure.disabled = true;
      try {
        await app.remove(binding);
        app.go("/");
      } catch (error) {
        sure.disabled = false;
        outcome.replaceChildren(failure(app, error));
      }
    }, { kind: "danger", id: "remove-sure" });
    place.replaceChildren(
      notice("warning", app.say("account.remove.title"), h("p", {}, app.say("account.remove.body"))),
      sure,
      button(app.say("account.remove.keep"), offer, { kind: "second" }),
    );
    sure.focus();
  };
  offer();
  return place;
}
