// One account's stream of events, kept open while the app is: the way that needs no push service.

/** @import { Binding, ClosedState, LoginRequest } from "../../types.d.ts" */
/** @import { Server } from "../core/protocol.js" */

import { Refusal } from "../core/refusal.js";
import { EventParser } from "../core/sse.js";

/** The server pings every 20 seconds; without a word for longer the connection is dead. */
const SILENCE_MS = 45_000;
/** A stream begins with a ping. When it does not come, something on the way holds events back. */
const FIRST_WORD_MS = 4_000;
const PULL_MS = 2_000;
/** An answer that has not begun by then will not: phones change networks, and connections die without a word. */
const ANSWER_MS = 10_000;
const WAITS_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

/** @typedef {"connecting" | "open" | "waiting"} StreamState */

/**
 * @typedef {object} Listener
 * @property {(requests: LoginRequest[], isAll: boolean) => void} onRequests
 * @property {(txid: string, state: ClosedState) => void} onClosed
 * @property {(state: StreamState) => void} onState
 * @property {(error: Refusal) => void} onRefused
 */

export class Stream {
  /**
   * @param {Server} server
   * @param {Binding} binding
   * @param {Listener} listener
   */
  constructor(server, binding, listener) {
    this.server = server;
    this.binding = binding;
    this.listener = listener;
    this.isStopped = false;
    this.heardAt = 0;
    /** @type {AbortController | null} */
    this.abort = null;
    /** @type {(() => void) | null} */
    this.endWait = null;
    this.run();
  }

  stop() {
    this.isStopped = true;
    this.abort?.abort();
    this.endWait?.();
  }

  /** The app came to the front, or the network came back: asks at once, whatever the stream believes. */
  async wake() {
    this.endWait?.();
    if (this.abort && Date.now() - this.heardAt > SILENCE_MS / 2) this.abort.abort();
    await this.pull();
  }

  /** Asks what waits, besides the stream. */
  async pull() {
    try {
      const requests = await this.server.waiting(this.binding);
      if (!this.isStopped) this.listener.onRequests(requests, true);
    } catch (error) {
      this.#refused(error);
    }
  }

  async run() {
    for (let failures = 0; !this.isStopped; failures += 1) {
      this.listener.onState("connecting");
      try {
        if (await this.#listen()) failures = 0;
      } catch (error) {
        this.#refused(error);
      }
      if (this.isStopped) return;
      this.listener.onState("waiting");
      await this.#wait(WAITS_MS[Math.min(failures, WAITS_MS.length - 1)] ?? 0);
    }
  }

  /** Reads one stream to its end. True if anything came through. */
  async #listen() {
    const abort = new AbortController();
    this.abort = abort;
    let timer = setTimeout(() => abort.abort(), ANSWER_MS);
    /** @type {ReturnType<typeof setInterval> | undefined} */
    let pulling;
    const late = setTimeout(() => {
      this.pull();
      pulling = setInterval(() => document.visibilityState === "visible" && this.pull(), PULL_MS);
    }, FIRST_WORD_MS);
    let hasHeard = false;
    try {
      const body = await this.server.events(this.binding, abort.signal);
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), SILENCE_MS);
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new EventParser();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.isStopped) return hasHeard;
        clearTimeout(timer);
        timer = setTimeout(() => abort.abort(), SILENCE_MS);
        this.heardAt = Date.now();
        for (const event of parser.push(value)) {
          if (!hasHeard) {
            hasHeard = true;
            clearTimeout(late);
            clearInterval(pulling);
            this.listener.onState("open");
          }
          this.#take(event);
        }
      }
    } finally {
      clearTimeout(timer);
      clearTimeout(late);
      clearInterval(pulling);
      abort.abort();
      if (this.abort === abort) this.abort = null;
    }
  }

  /** @param {{ event: string, data: string }} event */
  #take({ event, data }) {
    if (event === "request") this.listener.onRequests([JSON.parse(data)], false);
    if (event === "closed") {
      const { txid, state } = JSON.parse(data);
      this.listener.onClosed(txid, state);
    }
  }

  /** @param {unknown} error */
  #refused(error) {
    // What could not be reached is tried again; only a word of the server ends anything.
    if (error instanceof Refusal && !this.isStopped) this.listener.onRefused(error);
  }

  /** @param {number} ms */
  #wait(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms, undefined);
      this.endWait = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }
}
