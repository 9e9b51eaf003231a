// What several views are made of.

import { drawing, h } from "./dom.js";
import { ICONS } from "./icons.js";

/** @import { Child } from "./dom.js" */
/** @import { App } from "../live/app.js" */

/**
 * A view: its heading takes the focus when it is shown, `live` is called when something has changed, `dispose` when it is left.
 * @typedef {{ element: HTMLElement, live?: () => void, dispose?: () => void, isBare?: boolean }} View
 */

/**
 * The heading of a view.
 * @param {string} text
 */
export function heading(text) {
  return h("h1", { tabindex: -1 }, text);
}

/**
 * A way back, with the heading beside it.
 * @param {App} app
 * @param {string} text
 * @param {string} to route
 */
export function headingWithBack(app, text, to) {
  return h("div", { class: "heading" }, backButton(app, to), heading(text));
}

/**
 * @param {App} app
 * @param {string} to
 */
export function backButton(app, to) {
  return h(
    "button",
    { type: "button", class: "round", "aria-label": app.say("back"), onclick: () => app.go(to) },
    drawing(ICONS.back),
  );
}

/**
 * @param {string} text
 * @param {(event: MouseEvent) => void} onclick
 * @param {{ kind?: "" | "second" | "danger" | "link", icon?: string, disabled?: boolean, id?: string }} [look]
 */
export function button(text, onclick, { kind = "", icon, disabled = false, id } = {}) {
  return h("button", { type: "button", class: kind, onclick, disabled, id }, icon ? drawing(icon) : null, text);
}

/**
 * Something the person should know, with what to do about it.
 * @param {"info" | "warning" | "bad" | "good"} kind
 * @param {string} title
 * @param {...Child} more
 */
export function notice(kind, title, ...more) {
  const icon = { info: ICONS.info, warning: ICONS.warning, bad: ICONS.cross, good: ICONS.check }[kind];
  return h(
    "section",
    { class: `notice ${kind}` },
    drawing(icon),
    h("div", {}, h("p", { class: "title" }, title), ...more),
  );
}

/**
 * A text of help, as steps.
 * @param {string[]} steps
 */
export function steps(steps) {
  return h(
    "ol",
    { class: "steps" },
    steps.map((step) => h("li", {}, step)),
  );
}

/**
 * @param {[string, Child][]} rows
 */
export function facts(rows) {
  return h(
    "dl",
    { class: "facts" },
    rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/**
 * The first letter of a name, drawn as its sign.
 * @param {string} name
 */
export function initial(name) {
  const [letter = "?"] = name.trim();
  return h("span", { class: "initial", "aria-hidden": "true" }, letter.toUpperCase());
}

/**
 * What a failure was and what to do, in the reader's words.
 * @param {App} app
 * @param {unknown} error
 */
export function failure(app, error) {
  const { title, body } = app.explain(error);
  return notice("bad", title, h("p", {}, body));
}
