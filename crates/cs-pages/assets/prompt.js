// What a login in the browser does by itself. Every page works without it, save for security keys.
// @ts-check

/** Tells the server what the browser is, and goes on. */
function begin() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("[data-begin]"));
  if (!form) return;
  const facts = {
    script: true,
    webauthn: typeof PublicKeyCredential === "function",
    width: screen.width,
    height: screen.height,
    language: navigator.language,
  };
  /** @type {HTMLInputElement} */ (form.elements.namedItem("facts")).value = JSON.stringify(facts);
  form.querySelector("[data-fallback]")?.setAttribute("hidden", "");
  form.submit();
}

/** Asks until somebody has answered on the phone, then shows what came of it. */
async function wait() {
  const place = /** @type {HTMLElement | null} */ (document.querySelector("[data-wait]"));
  if (!place) return;
  const slow = /** @type {HTMLElement | null} */ (document.querySelector("[data-slow]"));
  if (slow) {
    slow.style.visibility = "hidden";
    setTimeout(() => { slow.style.visibility = "visible"; }, 8000);
  }
  const until = Date.now() + 1000 * Number(place.dataset.seconds) + 5000;
  const body = new URLSearchParams({ step: place.dataset.step ?? "" });
  for (let pause = 500; Date.now() < until;) {
    try {
      const answer = await fetch(place.dataset.wait ?? "", { method: "POST", body, headers: { Accept: "application/json" } });
      const { waiting } = await answer.json();
      if (!waiting) break;
      pause = 500;
    } catch {
      // The network went away: it may come back while the push still lives.
      pause = Math.min(2 * pause, 8000);
    }
    await new Promise((done) => setTimeout(done, pause));
  }
  location.reload();
}

/** Lets a security key or the device's own lock answer. */
function key() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("[data-key]"));
  if (!form) return;
  const wrong = /** @type {HTMLElement} */ (form.querySelector("[data-wrong]"));
  if (typeof PublicKeyCredential !== "function" || !PublicKeyCredential.parseRequestOptionsFromJSON) {
    wrong.textContent = wrong.dataset.unsupported ?? "";
    return;
  }
  const use = async () => {
    wrong.textContent = "";
    try {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(form.dataset.key ?? "{}"));
      const credential = /** @type {PublicKeyCredential} */ (await navigator.credentials.get({ publicKey }));
      /** @type {HTMLInputElement} */ (form.elements.namedItem("credential")).value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch {
      wrong.textContent = wrong.dataset.cancelled ?? "";
    }
  };
  form.querySelector("[data-use]")?.addEventListener("click", use);
  use();
}

begin();
wait();
key();
