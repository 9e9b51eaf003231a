// The server's time. A phone whose clock is wrong still signs and counts down rightly, and is told.

/** Differences that nobody needs to hear of: less than the server accepts. */
const WORTH_TELLING = 45;

export class Clock {
  /** @param {() => number} now milliseconds */
  constructor(now = Date.now) {
    this.localMillis = now;
    /** Seconds that the server is ahead. */
    this.offset = 0;
    this.isKnown = false;
  }

  /** The server's time in unix seconds. */
  seconds() {
    return Math.floor(this.localMillis() / 1000) + this.offset;
  }

  /** With fractions, for counting down. */
  exact() {
    return this.localMillis() / 1000 + this.offset;
  }

  /**
   * What the server said, in an answer that arrived now.
   * @param {number | undefined} serverTime
   */
  set(serverTime) {
    if (typeof serverTime !== "number" || !Number.isFinite(serverTime)) return;
    const offset = Math.round(serverTime - this.localMillis() / 1000);
    // A second or two are the way of the answer, not the clock.
    this.offset = Math.abs(offset) <= 2 ? 0 : offset;
    this.isKnown = true;
  }

  /** Seconds that this phone is ahead (behind, if negative), if that is worth telling. */
  error() {
    return Math.abs(this.offset) >= WORTH_TELLING ? -this.offset : 0;
  }
}
