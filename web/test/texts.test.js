import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { chooseLanguage, LANGUAGES, Texts } from "../app/core/text.js";

const app = new URL("../app/", import.meta.url);
const read = (name) => readFileSync(new URL(name, app), "utf8");
const catalogues = Object.fromEntries(LANGUAGES.map((language) => [language, JSON.parse(read(`lang/${language}.json`))]));
const forms = (entry) => (typeof entry === "string" ? [entry] : Object.values(entry));
const places = (entry) => [...new Set(forms(entry).flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();

test("every language has every text, with the same places, in every form its grammar needs", () => {
  for (const language of LANGUAGES) {
    const catalogue = catalogues[language];
    assert.deepEqual(Object.keys(catalogue).sort(), Object.keys(catalogues.en).sort(), language);
    const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const [name, entry] of Object.entries(catalogue)) {
      const original = catalogues.en[name];
      assert.equal(typeof entry, typeof original, `${language} ${name}`);
      assert.deepEqual(places(entry), places(original), `${language} ${name}`);
      assert.ok(forms(entry).every((text) => text.trim() === text && text !== ""), `${language} ${name}`);
      if (typeof entry === "string") continue;
      // `many` of French and Spanish is for millions, which is no number of minutes or lines; `other` reads right there.
      for (const form of needed.filter((form) => form !== "many")) assert.ok(entry[form], `${language} ${name} ${form}`);
    }
  }
});

test("a translation is one", () => {
  const same = (language, name) => JSON.stringify(catalogues[language][name]) === JSON.stringify(catalogues.en[name]);
  for (const language of LANGUAGES.filter((language) => language !== "en")) {
    const untranslated = Object.keys(catalogues.en).filter((name) => same(language, name));
    // Words that are the same in another language, and what is made of names only.
    const known = ["bound.body", "fact.server", "fact.account", "settings.version", "fact.place"];
    assert.deepEqual(untranslated.filter((name) => !known.includes(name)), [], language);
  }
});

test("what the app says is in the catalogue, and nothing in the catalogue is left unsaid", () => {
  const sources = readdirSync(app, { recursive: true }).filter((name) => name.endsWith(".js") && !name.startsWith("vendor"));
  const source = sources.map((name) => read(name)).join("\n");
  const said = [...source.matchAll(/(?<!classList\.)\b(?:say|add)\(\s*"([^"]+)"/g)].map((match) => match[1]);
  for (const name of said) assert.ok(name in catalogues.en, name);
  const patterns = [...source.matchAll(/say\(\s*`([^`]+)`/g)].map((match) => new RegExp(`^${match[1].replace(/\$\{[^}]+\}/g, "[\\w.]+").replaceAll(".", "\\.").replaceAll("[\\w\\.]", "[\\w.]")}$`));
  const quoted = new Set([...source.matchAll(/"([a-z_.]+)"/g)].map((match) => match[1]));
  const unsaid = Object.keys(catalogues.en).filter((name) => !quoted.has(name) && !patterns.some((pattern) => pattern.test(name)));
  assert.deepEqual(unsaid, []);
});

test("texts follow the language's rules for numbers, and never show a place without its value", () => {
  const say = (language, count) => new Texts(language, catalogues[language]).say("request.left", { count });
  assert.equal(say("en", 1), "1 second left");
  assert.equal(say("en", 0), "0 seconds left");
  assert.equal(say("fr", 0), "0 seconde restante");
  assert.equal(say("ja", 1), "残り 1 秒");
  const texts = new Texts("en", catalogues.en);
  assert.throws(() => texts.say("over.approved.body"), RangeError);
  assert.throws(() => texts.say("nothing"), RangeError);
  assert.equal(texts.say("request.title", { application: "{user} $&" }), "Logging in to {user} $&?");
});

test("the language is the first one of the reader's that there is", () => {
  assert.equal(chooseLanguage(["pt-BR", "de-AT", "en"]), "de");
  assert.equal(chooseLanguage(["JA-jp"]), "ja");
  assert.equal(chooseLanguage(["tlh"]), "en");
  assert.equal(chooseLanguage([]), "en");
});
