// The state of the open app: accounts, what waits, how it is connected. Views read it and hear of changes.

/** @import { Answer, Binding, ClosedState, Entry, LoginRequest, MoveNotice, MoveProof, MoveResponse, OutageCodes, Values } from "../../types.d.ts" */
/** @import { StreamState } from "./stream.js" */
/** @import { Installer } from "./platform.js" */
/** @import { Here } from "./here.js" */
/** @import { Activation } from "../core/link.js" */

import { Clock } from "../core/clock.js";
import { Server, WrongPhrase } from "../core/protocol.js";
import { Refusal, Unreachable } from "../core/refusal.js";
import { Store } from "../core/store.js";
import { Texts } from "../core/text.js";
import { canPush, tellServer } from "./push.js";
import { Stream } from "./stream.js";

const CONFIRMATION_MS = 2_500;

/** @typedef {{ binding: Binding, request: LoginRequest }} Waiting */

export class App extends EventTarget {
  /**
   * @param {{ store: Store, texts: Texts, installer: Installer, version: string, words: () => Promise<string> }} parts
   */
  constructor({ store, texts, installer, version, words }) {
    super();
    this.store = store;
    this.texts = texts;
    this.installer = installer;
    this.version = version;
    this.words = words;
    this.clock = new Clock();
    this.server = new Server({ origin: location.origin, clock: this.clock });
    /** @type {Binding[]} */
    this.bindings = [];
    /** @type {Map<string, Waiting>} */
    this.waiting = new Map();
    /** Logins that ended while they were on the screen, and how. @type {Map<string, ClosedState>} */
    this.closed = new Map();
    /** @type {Map<string, StreamState>} */
    this.states = new Map();
    /** Accounts that the server no longer knows. @type {Set<string>} */
    this.gone = new Set();
    /** What has taken the place of those that went to another device. @type {Map<string, MoveNotice>} */
    this.moved = new Map();
    /** What of the same people went to other devices of late, by the account here. @type {Map<string, MoveNotice[]>} */
    this.moves = new Map();
    /** Moves that the person has read about. @type {Set<string>} */
    this.read = new Set();
    /** @type {Map<string, Stream>} */
    this.streams = new Map();
    /** Answered or seen closed: not shown again by a late event. @type {Set<string>} */
    this.over = new Set();
    /** Logins that were begun in this browser, as their pages have told. @type {Map<string, Here>} */
    this.here = new Map();
    /** What came with the link, or was typed and not yet used. */
    this.activation = emptyActivation();
    this.moving = emptyMove();
    /** Whether a test of this app's own is under way: it is not shown as a request. */
    this.isTesting = false;
    /** Requests of such tests. @type {Map<string, Waiting>} */
    this.tests = new Map();
    this.confirming = setInterval(() => this.#askConfirmed(), CONFIRMATION_MS);
  }

  /**
   * @param {string} name
   * @param {Values} [values]
   */
  say(name, values) {
    return this.texts.say(name, values);
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} route */
  go(route) {
    if (location.hash === `#${route}`) this.changed();
    else location.hash = route;
  }

  /** Reads the accounts and connects each. */
  async load() {
    this.bindings = await this.store.bindings();
    this.read = new Set((await this.store.setting("read")) ?? []);
    this.connect();
    this.changed();
  }

  /** Opens the streams that are not. */
  connect() {
    for (const binding of this.bindings) this.#connect(binding);
  }

  /** Closes every stream: the page is put aside, where it would keep them without listening. */
  disconnect() {
    for (const stream of this.streams.values()) stream.stop();
    this.streams.clear();
  }

  /** @param {Binding} binding */
  #connect(binding) {
    if (!binding.confirmed || this.gone.has(binding.device) || this.streams.has(binding.device)) return;
    this.streams.set(
      binding.device,
      new Stream(this.server, binding, {
        onRequests: (requests, isAll) => this.#arrived(binding, requests, isAll),
        onClosed: (txid, state) => this.#ended(txid, state),
        onState: (state) => {
          this.states.set(binding.device, state);
          this.changed();
          if (state === "open") this.#look(binding).catch(() => {});
        },
        onRefused: (error) => this.#refused(binding, error),
      }),
    );
  }

  /**
   * @param {Binding} binding
   * @param {LoginRequest[]} requests
   * @param {boolean} isAll whether what is not among them no longer waits
   */
  #arrived(binding, requests, isAll) {
    for (const request of requests) {
      if (this.over.has(request.txid) || this.waiting.has(request.txid)) continue;
      // What is shown is what is signed; a statement for another account, device or server is neither.
      if (!isOurs(binding, request)) continue;
      if (this.isTesting && request.statement.type === "Test") {
        this.tests.set(request.txid, { binding, request });
        continue;
      }
      this.waiting.set(request.txid, { binding, request });
    }
    if (isAll) {
      const still = new Set(requests.map((request) => request.txid));
      for (const [txid, { binding: whose }] of this.waiting) {
        if (whose.device === binding.device && !still.has(txid)) this.#ended(txid, "timed_out");
      }
    }
    this.changed();
  }

  /**
   * @param {string} txid
   * @param {ClosedState} state
   */
  #ended(txid, state) {
    const waiting = this.waiting.get(txid);
    this.over.add(txid);
    if (!waiting) return;
    this.waiting.delete(txid);
    this.closed.set(txid, state);
    this.#note(waiting, state);
    this.changed();
  }

  /**
   * @param {Binding} binding
   * @param {Refusal} error
   */
  #refused(binding, error) {
    if (error.code !== "inactive" && error.code !== "signature") return;
    this.gone.add(binding.device);
    if (error.moved) this.moved.set(binding.device, error.moved);
    this.streams.get(binding.device)?.stop();
    this.streams.delete(binding.device);
    this.changed();
  }

  /**
   * Hears of what happened to the same person's other devices, and what codes for outages are for.
   * @param {Binding} binding
   */
  async #look(binding) {
    const { moves = [], outages = [] } = await this.server.status(binding);
    this.moves.set(binding.device, moves);
    await this.#keepOutages(binding, outages);
    this.changed();
  }

  /**
   * Kept, because it is needed when nothing can be asked.
   * @param {Binding} binding
   * @param {OutageCodes[]} outages
   */
  async #keepOutages(binding, outages) {
    if (JSON.stringify(outages) === JSON.stringify(binding.outages ?? [])) return;
    binding.outages = outages;
    await this.store.changeBinding(binding.device, { outages });
  }

  /**
   * Says that a move was somebody else's doing. Nothing is bound there any more.
   * @param {Binding} binding
   * @param {MoveNotice} move
   */
  async contest(binding, move) {
    await this.server.contestMove(binding, move.device);
    const contested = { ...move, contestable: false, contested: true };
    if (this.moved.has(binding.device)) this.moved.set(binding.device, contested);
    const beside = this.moves.get(binding.device) ?? [];
    this.moves.set(binding.device, beside.map((known) => (known.device === move.device ? contested : known)));
    this.changed();
  }

  /**
   * The person has read of a move, and it was theirs.
   * @param {MoveNotice} move
   */
  async acknowledge(move) {
    this.read.add(nameOfMove(move));
    await this.store.setSetting("read", [...this.read].slice(-50));
    this.changed();
  }

  /**
   * Moves of the same person that were not read about yet.
   * @param {Binding} binding
   */
  unread(binding) {
    return (this.moves.get(binding.device) ?? []).filter((move) => !this.read.has(nameOfMove(move)));
  }

  /**
   * Proves whose account it is; what comes back is used with {@link App.move}.
   * @param {MoveProof} proof
   */
  async prove(proof) {
    this.moving.proven = await this.server.proveMove(proof);
    return this.moving.proven;
  }

  /**
   * Brings the account that was proven to this phone.
   * @param {MoveResponse} proven
   * @param {{ name: string, platform: string, replaces: string | undefined }} device
   */
  async move(proven, { name, platform, replaces }) {
    const binding = await this.#bind({ code: proven.code, name, platform, replaces });
    this.moving = emptyMove();
    this.moved.delete(binding.device);
    return binding;
  }

  /** What waits on every account, asked at once. */
  async pull() {
    await Promise.all([...this.streams.values()].map((stream) => stream.wake()));
  }

  /**
   * Answers and remembers it. Fails as the server refuses; the request stays unless it is over.
   * @param {Waiting} waiting
   * @param {Answer} answer
   * @param {string | null} number
   */
  async answer(waiting, answer, number) {
    const { binding, request } = waiting;
    try {
      const result = await this.server.answer(binding, request, answer, number);
      this.#finish(waiting, result);
      return result;
    } catch (error) {
      if (error instanceof Refusal && ["closed", "no_such_request"].includes(error.code)) {
        this.#finish(waiting, error.state ?? "timed_out");
      }
      if (error instanceof Refusal && error.code === "number") await this.streams.get(binding.device)?.pull();
      throw error;
    }
  }

  /**
   * @param {Waiting} waiting
   * @param {ClosedState} state
   */
  #finish(waiting, state) {
    const { txid } = waiting.request;
    this.over.add(txid);
    this.waiting.delete(txid);
    this.#note(waiting, state);
  }

  /**
   * @param {Waiting} waiting
   * @param {ClosedState} state
   */
  #note({ binding, request: { txid, statement } }, state) {
    /** @type {Entry} */
    const entry = {
      device: binding.device,
      account: binding.account.name,
      txid,
      application: statement.application,
      user: statement.user,
      type: statement.type,
      place: statement.place,
      address: statement.address,
      hostname: statement.hostname,
      time: statement.time,
      state,
      at: this.clock.seconds(),
    };
    this.store.remember(entry).catch(console.error);
    this.#clearNotification(txid);
  }

  /** @param {string} txid */
  async #clearNotification(txid) {
    const registration = await navigator.serviceWorker?.getRegistration();
    for (const notification of (await registration?.getNotifications({ tag: txid })) ?? []) notification.close();
  }

  /**
   * The request was put before the person's eyes.
   * @param {Waiting} waiting
   */
  shown({ binding, request }) {
    this.#clearNotification(request.txid);
    // Whether this arrives changes nothing for anyone who logs in.
    this.server.receipt(binding, request.txid, "shown").catch(() => {});
  }

  /**
   * Turns a code into an account on this phone.
   * @param {string} code
   * @param {{ name: string, platform: string }} device
   */
  activate(code, { name, platform }) {
    return this.#bind({ code, name, platform });
  }

  /** @param {{ code: string, name: string, platform: string, replaces?: string | undefined }} what */
  async #bind({ code, name, platform, replaces }) {
    const words = await this.words();
    const introduction = { code, name, platform, version: this.version, words };
    const binding = await this.server.activate(replaces === undefined ? introduction : { ...introduction, replaces });
    await this.store.addBinding(binding);
    this.gone.delete(binding.device);
    this.streams.get(binding.device)?.stop();
    this.streams.delete(binding.device);
    this.bindings = [...this.bindings.filter((known) => known.device !== binding.device), binding];
    // Browsers may clear what pages keep; they are asked not to, and need not answer.
    navigator.storage?.persist?.().catch(() => {});
    this.#connect(binding);
    this.changed();
    return binding;
  }

  /** Whether accounts that wait for it were confirmed on the other screen. */
  async #askConfirmed() {
    if (document.visibilityState !== "visible") return;
    for (const binding of this.bindings.filter((binding) => !binding.confirmed && !this.gone.has(binding.device))) {
      const status = await this.server.status(binding).catch(() => null);
      if (!status?.active) continue;
      await this.store.changeBinding(binding.device, { confirmed: true });
      binding.confirmed = true;
      this.#connect(binding);
      this.changed();
    }
  }

  /**
   * The next passcode, used up before it is shown.
   * @param {Binding} binding
   */
  async nextCounter(binding) {
    const counter = await this.store.nextCounter(binding.device);
    if (binding.otp.kind === "hotp") binding.otp.counter = counter + 1;
    return counter;
  }

  /**
   * @param {Binding} binding
   * @param {string} name
   */
  async rename(binding, name) {
    const status = await this.server.change(binding, { name });
    await this.store.changeBinding(binding.device, { name: status.name });
    binding.name = status.name;
    this.changed();
  }

  /**
   * Takes the account off this phone; the server is told if it can be reached, and need not be if it has forgotten the phone.
   * @param {Binding} binding
   */
  async remove(binding) {
    if (!this.gone.has(binding.device) && binding.confirmed) {
      try {
        await this.server.unbind(binding);
      } catch (error) {
        if (!(error instanceof Refusal) || !["inactive", "signature"].includes(error.code)) throw error;
      }
    }
    await this.store.removeBinding(binding.device);
    this.streams.get(binding.device)?.stop();
    this.streams.delete(binding.device);
    this.bindings = this.bindings.filter((known) => known !== binding);
    this.changed();
  }

  /** Tells the server of subscriptions that have changed. Never waited for. */
  async refreshPush() {
    if (!canPush() || Notification.permission !== "granted") return;
    const wanted = this.bindings.filter((binding) => binding.push);
    if (wanted.length > 0) await tellServer(this.server, this.store, wanted);
  }

  /**
   * What went wrong and what to do next, for people.
   * @param {unknown} error
   */
  explain(error) {
    const { name, values } = reason(error, this.clock);
    return { title: this.say(`error.${name}.title`, values), body: this.say(`error.${name}.body`, values) };
  }
}

/**
 * @param {Binding} binding
 * @param {LoginRequest} request
 */
function isOurs(binding, { txid, statement }) {
  const { origin, account, device } = statement;
  return origin === binding.origin && account === binding.account.id && device === binding.device && statement.txid === txid;
}

/** @returns {{ username: string, code: string, name: string, proven: MoveResponse | null }} what was typed for a move, and what it led to */
export function emptyMove() {
  return { username: "", code: "", name: "", proven: null };
}

/** @param {MoveNotice} move */
function nameOfMove({ device, at }) {
  return `${device}.${at}`;
}

/** @returns {{ typed: string, name: string, found: Activation | null }} */
export function emptyActivation() {
  return { typed: "", name: "", found: null };
}

/**
 * @param {unknown} error
 * @param {Clock} clock
 * @returns {{ name: string, values?: Values }}
 */
function reason(error, clock) {
  if (error instanceof Unreachable) return { name: navigator.onLine ? "unreachable" : "offline" };
  if (error instanceof WrongPhrase) return { name: "phrase" };
  if (error instanceof Refusal) {
    const known = ["activation_invalid", "inactive", "refused", "statement", "closed", "no_such_request", "number"];
    if (known.includes(error.code)) return { name: error.code };
    if (error.code === "clock") return { name: "clock", values: { count: Math.max(1, Math.round(Math.abs(clock.offset) / 60)) } };
    if (error.code === "busy") return { name: "busy", values: { count: Math.max(1, error.retryAfter ?? 30) } };
    if (error.code === "unavailable") return { name: "unavailable" };
    if (error.code === "signature") return { name: "inactive" };
  }
  if (error instanceof DOMException && ["QuotaExceededError", "InvalidStateError", "UnknownError"].includes(error.name)) {
    return { name: "storage" };
  }
  console.error(error);
  return { name: "unknown" };
}
