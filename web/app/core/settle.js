// A tap that was meant for what was on the screen a moment ago must not approve what has just come there.

/** Longer than a tap that is on its way, shorter than anybody reads. */
export const SETTLE_MS = 700;

export class Settling {
  /** @param {() => number} now milliseconds that only rise */
  constructor(now = () => performance.now()) {
    this.now = now;
    this.since = now();
  }

  /** Something else is on the screen from now on. */
  begin() {
    this.since = this.now();
  }

  /** Milliseconds until what is tapped is meant for what is shown. */
  left() {
    return Math.max(0, SETTLE_MS - (this.now() - this.since));
  }
}
