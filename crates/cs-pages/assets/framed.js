// What the pages of a login in a frame of another page do by themselves (Web SDK v2).
// A frame has no cookies of its own any more, so the login goes on in a window that is opened from it.
// @ts-check

/** @param {string} selector @returns {HTMLElement | null} */
const one = (selector) => document.querySelector(selector);

/** In the frame: opens the window, by a click, and waits for the code that it brings. */
function start() {
  const login = /** @type {HTMLFormElement | null} */ (one("form[data-window]"));
  const result = /** @type {HTMLFormElement | null} */ (one("form[data-result]"));
  const open = /** @type {HTMLButtonElement | null} */ (one("[data-open]"));
  const state = one("[data-state]");
  if (!login || !result || !open || !state) return;
  // The same window again, if it is still there; of nobody else's.
  const name = `login-${crypto.randomUUID()}`;
  open.hidden = false;
  open.addEventListener("click", () => {
    const opened = window.open("", name, "popup,width=520,height=760");
    state.textContent = (opened ? state.dataset.waiting : state.dataset.blocked) ?? "";
    if (!opened) return;
    login.target = name;
    login.submit();
    opened.focus();
  });
  let isOver = false;
  addEventListener("message", (event) => {
    // From a window of ours that this very frame has opened. Whether the code is of this login, the server says.
    if (isOver || event.origin !== location.origin || typeof event.data !== "string") return;
    const from = /** @type {Window | null} */ (event.source);
    if (!from || from.opener !== window) return;
    isOver = true;
    /** @type {HTMLInputElement} */ (result.elements.namedItem("code")).value = event.data;
    result.submit();
    from.close();
  });
}

/** In the window: gives the code to the frame that has opened it. Anybody else's page that did is told nothing. */
function handOver() {
  const code = one("[data-code]")?.dataset.code;
  if (code && opener) opener.postMessage(code, location.origin);
}

/** In the frame again: gives the answer to the page that holds it, if that is the application's. */
function finish() {
  const place = one("[data-response]");
  // Opened by itself the page has nobody to tell.
  if (place?.dataset.response && place.dataset.parent && parent !== window)
    parent.postMessage(place.dataset.response, place.dataset.parent);
}

start();
handOver();
finish();

// A module of its own, also to whoever checks its types.
export {};
