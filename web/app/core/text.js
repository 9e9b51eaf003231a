// Texts in the reader's language, with the language's own rules for numbers.

/** @import { Catalogue, Values } from "../../types.d.ts" */

export const LANGUAGES = /** @type {const} */ (["en", "de", "fr", "es", "ja"]);
/** @typedef {typeof LANGUAGES[number]} Language */

/**
 * The first language of `wanted` that there is.
 * @param {readonly string[]} wanted
 * @returns {Language}
 */
export function chooseLanguage(wanted) {
  for (const tag of wanted) {
    const found = LANGUAGES.find((language) => tag.toLowerCase().split("-")[0] === language);
    if (found) return found;
  }
  return "en";
}

export class Texts {
  /**
   * @param {Language} language
   * @param {Catalogue} catalogue
   */
  constructor(language, catalogue) {
    this.language = language;
    this.catalogue = catalogue;
    this.plural = new Intl.PluralRules(language);
    this.number = new Intl.NumberFormat(language);
  }

  /**
   * The text `name` with `values` in its `{places}`; of several forms the one for `values.count`.
   * @param {string} name
   * @param {Values} [values]
   */
  say(name, values = {}) {
    const entry = this.catalogue[name];
    if (entry === undefined) throw new RangeError(`no text ${name} in ${this.language}`);
    const count = Number(values["count"] ?? 0);
    const text = typeof entry === "string" ? entry : (entry[this.plural.select(count)] ?? entry.other);
    return text.replace(/\{(\w+)\}/g, (_, place) => {
      const value = values[place];
      if (value === undefined) throw new RangeError(`no value for {${place}} of ${name}`);
      return typeof value === "number" ? this.number.format(value) : value;
    });
  }

  /**
   * A moment, as people write it.
   * @param {number} seconds unix time
   */
  moment(seconds) {
    return new Intl.DateTimeFormat(this.language, { dateStyle: "short", timeStyle: "short" }).format(seconds * 1000);
  }

  /**
   * The time of day.
   * @param {number} seconds unix time
   */
  time(seconds) {
    return new Intl.DateTimeFormat(this.language, { timeStyle: "medium" }).format(seconds * 1000);
  }
}
