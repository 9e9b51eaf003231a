// What pages do by themselves. Every page works without it, save for security keys.
// @ts-check

/** @param {string} selector @returns {HTMLElement | null} */
const one = (selector) => document.querySelector(selector);

/** @param {HTMLFormElement} form @param {string} name @param {string} value */
const fill = (form, name, value) => {
  /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value = value;
};

/** Tells the server what the browser is, and goes on. */
function begin() {
  const form = /** @type {HTMLFormElement | null} */ (one("[data-begin]"));
  if (!form) return;
  fill(form, "facts", JSON.stringify({
    script: true,
    cookies: navigator.cookieEnabled,
    webauthn: hasKeys(),
    touch: navigator.maxTouchPoints > 0,
    width: screen.width,
    height: screen.height,
    language: navigator.language,
  }));
  form.querySelector("[data-fallback]")?.setAttribute("hidden", "");
  form.querySelector("[data-scripted]")?.removeAttribute("hidden");
  form.submit();
}

/** Asks until somebody has answered on the phone, then shows what came of it. */
async function wait() {
  const place = one("[data-wait]");
  if (!place) return;
  const seconds = Number(place.dataset.seconds);
  const until = Date.now() + 1000 * seconds;
  countdown(place, seconds, until);
  const state = one("[data-state]");
  const waiting = state?.textContent ?? "";
  const body = new URLSearchParams({ step: place.dataset.step ?? "" });
  for (let pause = 500; Date.now() < until + 5000;) {
    try {
      const answer = await fetch(place.dataset.wait ?? "", { method: "POST", body, headers: { Accept: "application/json" } });
      // A server that is busy is asked again later, not by everybody at once and by loading whole pages.
      if (!answer.ok) throw new Error(answer.statusText);
      const news = await answer.json();
      // Beside a code that is being typed, only a success may take the page away.
      if (!news.waiting && (news.approved || !("beside" in place.dataset))) break;
      if (!news.waiting) {
        place.hidden = true;
        return;
      }
      pause = 500;
      say(state, (news.seen && state?.dataset.seen) || waiting);
      if (news.seen) {
        one("[data-slow]")?.classList.add("done");
        // Held open from now on until somebody answers.
        body.set("seen", "yes");
      }
    } catch {
      // The network went away, or the server has too much to do: it may come back while the push still lives.
      pause = Math.min(2 * pause, 8000);
      say(state, state?.dataset.offline ?? waiting);
    }
    await new Promise((done) => setTimeout(done, pause));
  }
  location.reload();
}

/** Says something once: what has not changed is not read aloud again. @param {HTMLElement | null} place @param {string} words */
function say(place, words) {
  if (place && place.textContent !== words) place.textContent = words;
}

/** Shows the time that is left, and says it at half a minute and at ten seconds. @param {HTMLElement} place @param {number} seconds @param {number} until */
function countdown(place, seconds, until) {
  const bar = /** @type {HTMLElement | null} */ (place.querySelector(".bar"));
  if (bar) bar.style.animationDelay = `${seconds - 60}s`;
  const shown = one("[data-left]");
  const state = one("[data-state]");
  if (!shown) return;
  const slow = one("[data-slow]");
  const tick = () => {
    if (slow && !slow.matches(".done, .late") && until - Date.now() <= 1000 * (60 - 8) && !slow.dataset.read) {
      slow.dataset.read = "1";
      say(one("[data-said]"), slow.textContent ?? "");
    }
    const left = Math.max(0, Math.round((until - Date.now()) / 1000));
    shown.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left === 30 || left === 10) say(one("[data-said]"), (place.dataset.announce ?? "#").replace("#", `${left} s`));
    if (left > 0) setTimeout(tick, 1000);
  };
  if (state && !one("[data-said]")) {
    const said = document.createElement("span");
    said.className = "unseen";
    said.dataset.said = "";
    said.setAttribute("aria-live", "polite");
    state.after(said);
  }
  tick();
}

/** Whether the browser knows security keys and passkeys. */
const hasKeys = () => typeof PublicKeyCredential === "function" && !!PublicKeyCredential.parseRequestOptionsFromJSON;

/** Ways to log in that this browser cannot set up say so, and cannot be chosen. */
async function needs() {
  const ways = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-needs]"));
  if (!ways.length) return;
  const keys = hasKeys();
  const platform = keys && (await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().catch(() => false));
  for (const way of ways) {
    if (way.dataset.needs === "platform" ? platform : keys) continue;
    const [button, words] = [way.querySelector("button"), way.querySelector("small")];
    if (button) button.disabled = true;
    if (words) words.textContent = way.dataset.missing ?? "";
  }
}

/** Lets a security key or the device's own lock answer, or be registered. */
function key() {
  const form = /** @type {HTMLFormElement | null} */ (one("[data-key], [data-create]"));
  if (!form) return;
  const wrong = /** @type {HTMLElement} */ (form.querySelector("[data-wrong]"));
  const creates = "create" in form.dataset;
  const request = JSON.parse((creates ? form.dataset.create : form.dataset.key) ?? "{}");
  if (!hasKeys()) {
    wrong.textContent = wrong.dataset.unsupported ?? "";
    // Enter in the field for the name.
    form.addEventListener("submit", (event) => event.preventDefault());
    return;
  }
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("[data-use]"));
  button.hidden = false;
  let asking = new AbortController();
  /** @param {CredentialMediationRequirement} [mediation] `conditional`: only if the person chooses a passkey among what the field offers. */
  const ask = async (mediation) => {
    // The browser answers one question at a time.
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const credential = /** @type {PublicKeyCredential} */ (await (creates
      ? navigator.credentials.create({ signal, publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(request) })
      : navigator.credentials.get({ signal, mediation, publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(request) })));
    fill(form, "credential", JSON.stringify(credential.toJSON()));
    form.submit();
  };
  // What was not asked for by the person fails without a word.
  const offer = async () => {
    if (await PublicKeyCredential.isConditionalMediationAvailable?.()) await ask("conditional").catch(() => {});
  };
  const use = async () => {
    if (button.disabled) return;
    wrong.textContent = "";
    button.disabled = true;
    try {
      await ask();
    } catch (error) {
      const known = error instanceof DOMException && error.name === "InvalidStateError";
      wrong.textContent = (known && wrong.dataset.known) || (wrong.dataset.cancelled ?? "");
      button.disabled = false;
      if ("autofill" in form.dataset) offer();
    }
  };
  button.addEventListener("click", use);
  form.addEventListener("submit", (event) => {
    // Enter in the field for the name.
    event.preventDefault();
    use();
  });
  // A name is asked for first.
  if ("autofill" in form.dataset) offer();
  else if (!creates) use();
}

/** One press of a button is one form. The browser may bring the page back from its memory: then it can be pressed again. */
function once() {
  /** @type {WeakSet<HTMLFormElement>} */
  let sent = new WeakSet();
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (event.defaultPrevented) return;
    if (sent.has(form)) event.preventDefault();
    sent.add(form);
    form.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    sent = new WeakSet();
    document.querySelectorAll("form[aria-busy]").forEach((form) => form.removeAttribute("aria-busy"));
  });
}

/** Times in the reader's own time zone and manner, buttons for the clipboard and the printer. */
function comforts() {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  for (const time of /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll("time[data-time]"))) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = format.format(at);
  }
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-copy], [data-print]"))) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      if (button.dataset.copy === undefined) return print();
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.done ?? "";
    });
  }
}

once();
comforts();
begin();
wait();
needs();
key();
