// How a request fails: the server said no, or could not be reached.

/** @import { ClosedState, MoveNotice } from "../../types.d.ts" */

/** The server's refusal, by the protocol's code. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {{ code?: string, message?: string, server_time?: number, state?: ClosedState, moved?: MoveNotice }} error
   * @param {number | null} retryAfter seconds
   */
  constructor(status, error, retryAfter) {
    super(error.message ?? `status ${status}`);
    this.status = status;
    this.code = error.code ?? (status === 429 ? "busy" : "unavailable");
    this.serverTime = error.server_time;
    this.state = error.state;
    this.moved = error.moved;
    this.retryAfter = retryAfter;
  }
}

/** No answer: no network, no server, no trusted certificate, or it took too long. */
export class Unreachable extends Error {}

/**
 * The refusal that an answer carries.
 * @param {Response} response
 */
export async function refusalOf(response) {
  /** @type {any} */
  const body = await response.json().catch(() => null);
  const after = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  const error = body !== null && typeof body === "object" && typeof body.error === "object" ? body.error : {};
  return new Refusal(response.status, error ?? {}, Number.isNaN(after) ? null : after);
}
