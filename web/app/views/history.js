// What was answered on this phone.

/** @import { App } from "../live/app.js" */
/** @import { View } from "../ui/parts.js" */
/** @import { Entry } from "../../types.d.ts" */

import { drawing, h } from "../ui/dom.js";
import { ICONS } from "../ui/icons.js";
import { facts, heading } from "../ui/parts.js";

/**
 * @param {App} app
 * @returns {View}
 */
export function historyView(app) {
  const list = h("div", { class: "stack" });
  const element = h("div", { class: "stack" }, heading(app.say("history.title")), h("p", { class: "soft" }, app.say("history.body")), list);
  const show = async () => {
    const entries = await app.store.history();
    list.replaceChildren(
      ...(entries.length > 0 ? entries.map((entry) => row(app, entry)) : [h("p", { class: "empty" }, app.say("history.empty"))]),
    );
  };
  show();
  return { element };
}

/**
 * @param {App} app
 * @param {Entry} entry
 */
function row(app, entry) {
  const icon = { approved: ICONS.check, denied: ICONS.cross, fraud: ICONS.shield, timed_out: ICONS.clock, cancelled: ICONS.cross }[entry.state];
  const kind = entry.state === "approved" ? "good" : entry.state === "fraud" ? "bad" : "quiet";
  const rows = /** @type {[string, string][]} */ ([
    ["fact.account", entry.account],
    ["fact.user", entry.user],
    ["fact.place", entry.place],
    ["fact.address", entry.address],
    ["fact.hostname", entry.hostname],
    ["fact.time", app.texts.moment(entry.time)],
  ]);
  return h(
    "details",
    { class: "card entry" },
    h(
      "summary",
      {},
      h("span", { class: `sign small ${kind}` }, drawing(icon)),
      h(
        "span",
        { class: "what" },
        h("b", {}, entry.application),
        h("span", { class: "soft" }, `${app.say(`state.${entry.state}`)} · ${app.texts.moment(entry.at)}`),
      ),
    ),
    facts(rows.filter(([, value]) => value).map(([name, value]) => [app.say(name), value])),
  );
}
