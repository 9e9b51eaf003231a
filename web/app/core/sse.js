// Server-sent events from a stream that we opened ourselves: EventSource cannot sign its request.

/** Events are small; whoever sends endlessly without one is cut off. */
const LONGEST = 256 * 1024;

/** Takes text as it comes and gives whole events. */
export class EventParser {
  constructor() {
    this.rest = "";
    this.event = "";
    /** @type {string[]} */
    this.data = [];
  }

  /**
   * @param {string} text
   * @returns {{ event: string, data: string }[]}
   */
  push(text) {
    this.rest += text;
    if (this.rest.length > LONGEST) throw new RangeError("an event without an end");
    const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    const events = [];
    for (const line of lines) {
      if (line === "") {
        if (this.data.length > 0) events.push({ event: this.event || "message", data: this.data.join("\n") });
        this.event = "";
        this.data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "event") this.event = value;
      if (name === "data") this.data.push(value);
    }
    return events;
  }
}
