// The bar at the bottom, in reach of a thumb.

/** @import { App } from "../live/app.js" */

import { drawing, h } from "../ui/dom.js";
import { ICONS } from "../ui/icons.js";

/** @param {App} app */
export function navigation(app) {
  const places = /** @type {[string, string, string][]} */ ([
    ["/", "nav.home", ICONS.home],
    ["/history", "nav.history", ICONS.clock],
    ["/settings", "nav.settings", ICONS.gear],
  ]);
  const links = places.map(([route, name, icon]) => ({
    route,
    link: h("a", { href: `#${route}` }, drawing(icon), h("span", {}, app.say(name))),
  }));
  const element = h(
    "nav",
    { class: "bar", "aria-label": app.say("nav.label") },
    links.map(({ link }) => link),
  );
  /** @param {string} shown */
  const live = (shown) => {
    const current = shown.startsWith("/account/") ? "/settings" : shown.startsWith("/outage/") ? "/" : shown;
    for (const { route, link } of links) {
      if (route === current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
  return { element, live };
}
