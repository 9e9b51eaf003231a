// Settings of this phone.

/** @import { App } from "../live/app.js" */
/** @import { View } from "../ui/parts.js" */

import { LANGUAGES } from "../core/text.js";
import { pushState, turnOff } from "../live/push.js";
import { applyTheme } from "../live/theme.js";
import { tryNotification } from "../live/trial.js";
import { drawing, h } from "../ui/dom.js";
import { ICONS } from "../ui/icons.js";
import { button, facts, failure, heading, notice } from "../ui/parts.js";
import { notifyOffer } from "./home.js";

/** Each language by its own name. */
const NAMES = { en: "English", de: "Deutsch", fr: "Français", es: "Español", ja: "日本語" };

/**
 * @param {App} app
 * @returns {View}
 */
export function settingsView(app) {
  const notifications = h("div", { class: "stack" });
  const outcome = h("div", { role: "status" });
  let shown = "";
  const live = () => {
    const state = pushState(app.bindings.filter((binding) => !app.gone.has(binding.device)));
    if (state === shown) return;
    shown = state;
    notifications.replaceChildren(notificationCard(app, state));
  };
  live();
  const element = h(
    "div",
    { class: "stack" },
    heading(app.say("settings.title")),
    outcome,
    notifications,
    app.bindings.length > 0 && accounts(app),
    h("section", { class: "card stack" }, languageField(app), themeField(app)),
    h(
      "section",
      { class: "card stack" },
      h("h2", {}, app.say("settings.kept.title")),
      h("p", { class: "soft" }, app.say("settings.kept.body")),
      button(app.say("settings.clear"), async () => {
        try {
          await app.store.clearHistory();
          outcome.replaceChildren(notice("good", app.say("settings.cleared")));
        } catch (error) {
          outcome.replaceChildren(failure(app, error));
        }
        globalThis.scrollTo(0, 0);
      }, { kind: "second" }),
      facts([[app.say("settings.version"), h("code", {}, app.version)]]),
    ),
  );
  return { element, live };
}

/**
 * @param {App} app
 * @param {string} state
 */
function notificationCard(app, state) {
  if (app.bindings.length === 0) return h("div", {});
  if (state === "off") return notifyOffer(app);
  if (state === "blocked") return notice("warning", app.say("push.blocked.title"), h("p", {}, app.say("push.blocked.body")));
  if (state === "impossible") return notice("info", app.say("push.impossible.title"), h("p", {}, app.say("push.impossible.body")));
  const outcome = h("div", { role: "status" });
  return notice(
    "good",
    app.say("push.on.title"),
    h("p", {}, app.say("push.on.body")),
    trial(app),
    button(app.say("push.turn_off"), async () => {
      try {
        await turnOff(app.server, app.store, app.bindings);
        app.changed();
      } catch (error) {
        outcome.replaceChildren(failure(app, error));
      }
    }, { kind: "link" }),
    outcome,
  );
}

/**
 * Does it arrive? Says each stage of the way.
 * @param {App} app
 */
function trial(app) {
  const stages = h("ol", { class: "way" });
  const outcome = h("div", { role: "status" });
  const start = button(app.say("test.send"), async () => {
    const binding = app.bindings.find((one) => one.confirmed && one.push && !app.gone.has(one.device));
    if (!binding) return;
    start.disabled = true;
    outcome.replaceChildren(h("p", { class: "waiting" }, h("span", { class: "spinner small", "aria-hidden": "true" }), app.say("test.waiting")));
    stages.replaceChildren();
    try {
      const result = await tryNotification(app, binding, (stage) => stages.append(h("li", {}, drawing(ICONS.check), app.say(`test.${stage}`))));
      outcome.replaceChildren(h("p", { class: result === "arrived" ? "right" : "wrong" }, app.say(`test.result.${result}`)));
    } catch (error) {
      outcome.replaceChildren(failure(app, error));
    }
    start.disabled = false;
  }, { kind: "second", icon: ICONS.bell, id: "test" });
  return h("div", { class: "stack" }, start, stages, outcome);
}

/** @param {App} app */
function accounts(app) {
  return h(
    "section",
    { class: "card list" },
    h("h2", {}, app.say("settings.accounts")),
    app.bindings.map((binding) =>
      h(
        "a",
        { href: `#/account/${binding.device}`, class: "line" },
        h("span", {}, h("b", {}, binding.account.name), h("span", { class: "soft" }, `${binding.user} · ${binding.name}`)),
        drawing("M9 5l7 7-7 7"),
      ),
    ),
  );
}

/** @param {App} app */
function languageField(app) {
  const select = h(
    "select",
    {
      id: "language",
      onchange: async () => {
        await app.store.setSetting("language", select.value);
        location.reload();
      },
    },
    LANGUAGES.map((language) => h("option", { value: language, selected: language === app.texts.language, lang: language }, NAMES[language])),
  );
  return h("div", { class: "field" }, h("label", { for: "language" }, app.say("settings.language")), select);
}

/** @param {App} app */
function themeField(app) {
  const chosen = document.documentElement.dataset["theme"] ?? "system";
  const select = h(
    "select",
    {
      id: "theme",
      onchange: async () => {
        const theme = /** @type {"system" | "light" | "dark"} */ (select.value);
        applyTheme(theme);
        await app.store.setSetting("theme", theme);
      },
    },
    ["system", "light", "dark"].map((theme) => h("option", { value: theme, selected: theme === chosen }, app.say(`theme.${theme}`))),
  );
  return h("div", { class: "field" }, h("label", { for: "theme" }, app.say("settings.theme")), select);
}
