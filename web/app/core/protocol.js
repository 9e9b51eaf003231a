// The authenticator protocol, version 1 (docs/device-protocol.md): every request this phone makes.

/** @import { ActivateResponse, Answer, Binding, DeviceStatus, LoginRequest, MoveProof, MoveResponse, Result } from "../../types.d.ts" */

import { random, sha256, toBase64url, utf8 } from "./bytes.js";
import { Clock } from "./clock.js";
import { sign } from "./jws.js";
import { importSeed, newKey } from "./keys.js";
import { confirmPhrase } from "./phrase.js";
import { Refusal, refusalOf, Unreachable } from "./refusal.js";

const BASE = "/authenticator/v1";
const TIMEOUT_MS = 15_000;

/** The phrase is not what both sides should have computed: somebody is between. */
export class WrongPhrase extends Error {}

export class Server {
  /**
   * @param {{ origin: string, clock: Clock, fetch?: typeof fetch }} surroundings
   */
  constructor({ origin, clock, fetch: fetchWith = (input, init) => fetch(input, init) }) {
    this.origin = origin;
    this.clock = clock;
    this.fetchWith = fetchWith;
  }

  /**
   * Turns a code into a binding. Nothing is kept here: the caller stores what comes back before it tells anyone.
   * @param {{ code: string, name: string, platform: string, version: string, words: string, replaces?: string }} introduction
   * @returns {Promise<Binding>}
   */
  async activate({ code, name, platform, version, words, replaces }) {
    const { key, jwk, thumbprint } = await newKey();
    const device = { class: "pwa", name, platform, app_version: version, key_protection: "browser", push: null };
    const answer = /** @type {ActivateResponse} */ (
      await this.#withRightTime(async () => {
        const payload = { v: 1, code, origin: this.origin, iat: this.clock.seconds(), key: thumbprint };
        const proof = await sign("cs-activate+jwt", thumbprint, payload, key);
        const body = JSON.stringify({ code, key: jwk, proof, device, replaces });
        return this.#send("POST", `${BASE}/activate`, body, { "content-type": "application/json" });
      })
    );
    this.clock.set(answer.server_time);
    const phrase = await confirmPhrase(code, thumbprint, words);
    if (phrase !== answer.confirm.phrase) throw new WrongPhrase();
    const { seed, ...otp } = answer.otp;
    return {
      device: answer.device_id,
      origin: answer.origin,
      account: answer.account,
      user: answer.user.name,
      name,
      key,
      otp,
      otpKey: await importSeed(seed),
      phrase,
      confirmed: !answer.confirm.required,
      added: this.clock.seconds(),
    };
  }

  /**
   * Begins a proof by passkey; only who brings `session` again can finish it.
   * @param {string} session
   * @returns {Promise<{ ceremony: string, options: any }>}
   */
  beginMove(session) {
    return this.#send("POST", `${BASE}/move/passkey`, JSON.stringify({ session }), { "content-type": "application/json" });
  }

  /**
   * Proves that the account is the person's, and gives the code that brings it here.
   * @param {MoveProof} proof
   * @returns {Promise<MoveResponse>}
   */
  proveMove(proof) {
    return this.#send("POST", `${BASE}/move`, JSON.stringify({ proof }), { "content-type": "application/json" });
  }

  /**
   * Says that bringing `device` to another one was somebody else's doing.
   * @param {Binding} binding the device before, or another one of the same person
   * @param {string} device
   */
  async contestMove(binding, device) {
    await this.#signed(binding, "POST", "/move/contest", { device });
  }

  /**
   * Sends this phone a request that counts for nothing.
   * @param {Binding} binding
   * @returns {Promise<{ txid: string, wakes: boolean }>}
   */
  test(binding) {
    return this.#signed(binding, "POST", "/test");
  }

  /**
   * @param {Binding} binding
   * @param {string} txid
   * @returns {Promise<{ state: string, accepted: boolean }>}
   */
  testState(binding, txid) {
    return this.#signed(binding, "GET", `/test/${encodeURIComponent(txid)}`);
  }

  /**
   * The logins that wait for this phone.
   * @param {Binding} binding
   * @returns {Promise<LoginRequest[]>}
   */
  async waiting(binding) {
    const answer = await this.#signed(binding, "GET", "/requests");
    this.clock.set(answer.server_time);
    return answer.requests;
  }

  /**
   * Answers with the whole statement that was shown.
   * @param {Binding} binding
   * @param {LoginRequest} request
   * @param {Answer} answer
   * @param {string | null} number as typed
   * @returns {Promise<Result>}
   */
  async answer(binding, request, answer, number) {
    const answered = await this.#withRightTime(async () => {
      const payload = { ...request.statement, number, answer, iat: this.clock.seconds() };
      const jws = await sign("cs-answer+jwt", binding.device, payload, binding.key);
      return this.#signedOnce(binding, "POST", `/requests/${encodeURIComponent(request.txid)}/answer`, { answer: jws });
    });
    return answered.result;
  }

  /**
   * @param {Binding} binding
   * @returns {Promise<DeviceStatus>}
   */
  status(binding) {
    return this.#signed(binding, "GET", "/device");
  }

  /**
   * @param {Binding} binding
   * @param {{ name?: string, app_version?: string, push?: import("../../types.d.ts").PushSubscriptionData | null }} change
   * @returns {Promise<DeviceStatus>}
   */
  change(binding, change) {
    return this.#signed(binding, "POST", "/device", change);
  }

  /** @param {Binding} binding */
  async unbind(binding) {
    await this.#signed(binding, "DELETE", "/device");
  }

  /**
   * Tells how far a login's way to the person has come.
   * @param {Binding} binding
   * @param {string} txid
   * @param {"delivered" | "shown"} state
   */
  async receipt(binding, txid, state) {
    await this.#signed(binding, "POST", `/requests/${encodeURIComponent(txid)}/receipt`, { state });
  }

  /**
   * Opens the stream of events; the body is text as `EventParser` reads it.
   * @param {Binding} binding
   * @param {AbortSignal} signal
   */
  events(binding, signal) {
    return this.#withRightTime(async () => {
      const path = `${BASE}/events`;
      const headers = { authorization: await this.#proof(binding, "GET", path, ""), accept: "text/event-stream" };
      const response = await this.#reach(path, { headers, signal, cache: "no-store" });
      if (!response.ok) throw await refusalOf(response);
      if (!response.body) throw new Unreachable("no stream");
      return response.body;
    });
  }

  /**
   * @param {Binding} binding
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  #signed(binding, method, path, body) {
    return this.#withRightTime(() => this.#signedOnce(binding, method, path, body));
  }

  /**
   * @param {Binding} binding
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async #signedOnce(binding, method, path, body) {
    const text = body === undefined ? "" : JSON.stringify(body);
    /** @type {Record<string, string>} */
    const headers = { authorization: await this.#proof(binding, method, BASE + path, text) };
    if (text) headers["content-type"] = "application/json";
    return this.#send(method, BASE + path, text, headers);
  }

  /**
   * `Authorization: Device …` over exactly this request.
   * @param {Binding} binding
   * @param {string} method
   * @param {string} path
   * @param {string} body
   */
  async #proof(binding, method, path, body) {
    const payload = {
      v: 1,
      aud: binding.origin,
      htm: method,
      htu: path,
      iat: this.clock.seconds(),
      jti: toBase64url(random(16)),
      bsha: toBase64url(await sha256(utf8(body))),
    };
    return `Device ${await sign("cs-request+jwt", binding.device, payload, binding.key)}`;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {string} body
   * @param {Record<string, string>} headers
   */
  async #send(method, path, body, headers) {
    const init = { method, headers, body: body || null, signal: AbortSignal.timeout(TIMEOUT_MS) };
    const response = await this.#reach(path, { ...init, cache: "no-store" });
    if (!response.ok) throw await refusalOf(response);
    if (response.status === 204) return null;
    try {
      return await response.json();
    } catch {
      // Cut off in the middle, or a portal of the network answered in the server's place.
      throw new Unreachable("not an answer of this server");
    }
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   */
  async #reach(path, init) {
    try {
      return await this.fetchWith(this.origin + path, { ...init, credentials: "omit", redirect: "error" });
    } catch (cause) {
      throw new Unreachable("no answer", { cause });
    }
  }

  /**
   * Does it again, once, with the server's time, when the server says that ours is wrong.
   * @template T
   * @param {() => Promise<T>} request
   * @returns {Promise<T>}
   */
  async #withRightTime(request) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "clock" || error.serverTime === undefined) throw error;
      this.clock.set(error.serverTime);
      return request();
    }
  }
}
