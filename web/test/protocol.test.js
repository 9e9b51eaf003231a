import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64url, sha256, toBase64url, utf8 } from "../app/core/bytes.js";
import { Clock } from "../app/core/clock.js";
import { sign } from "../app/core/jws.js";
import { importSeed, newKey, thumbprint } from "../app/core/keys.js";
import { parseActivation } from "../app/core/link.js";
import { hotp, totp } from "../app/core/otp.js";
import { groupName, outageCode, outageKey } from "../app/core/outage.js";
import { confirmPhrase } from "../app/core/phrase.js";
import { Server, WrongPhrase } from "../app/core/protocol.js";
import { Refusal, Unreachable } from "../app/core/refusal.js";
import { Settling, SETTLE_MS } from "../app/core/settle.js";
import { EventParser } from "../app/core/sse.js";
import { linked, told, whereToAsk } from "../app/live/here.js";
import { known, turnOff } from "../app/live/push.js";
import { readFileSync } from "node:fs";

const WORDS = readFileSync(new URL("../../crates/cs-wire/src/device/words.txt", import.meta.url), "utf8");
const CODE = "Abcdefghij0123456789";
const HERE = "https://auth.example.org";
const hmac = (bytes) => crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);

test("a tap that was meant for something else approves nothing", () => {
  let now = 5_000;
  const settling = new Settling(() => now);
  assert.equal(settling.left(), SETTLE_MS);
  now += SETTLE_MS - 1;
  assert.equal(settling.left(), 1);
  now += 1;
  assert.equal(settling.left(), 0);
  settling.begin();
  assert.equal(settling.left(), SETTLE_MS, "the page came back into view");
});

test("an account that the server no longer knows holds up no other", async () => {
  assert.equal(await known(async () => 7), 7);
  for (const code of ["inactive", "signature"]) {
    assert.equal(await known(() => Promise.reject(new Refusal(401, { code }, null))), null, code);
  }
  const busy = new Refusal(429, {}, null);
  await assert.rejects(known(() => Promise.reject(busy)), busy);
  const bindings = [{ device: "gone", confirmed: true, push: "old" }, { device: "kept", confirmed: true, push: "old" }];
  const told = [];
  const server = {
    change: async (binding) => {
      if (binding.device === "gone") throw new Refusal(401, { code: "inactive" }, null);
      told.push(binding.device);
      return {};
    },
  };
  const store = { changeBinding: async () => {} };
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { serviceWorker: { getRegistration: async () => null } } });
  await turnOff(server, store, bindings);
  assert.deepEqual([told, bindings.map((binding) => binding.push)], [["kept"], [null, null]]);
});

test("RFC 4226, appendix D", async () => {
  const key = await hmac(utf8("12345678901234567890"));
  const codes = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((counter) => hotp(key, counter, 6)));
  assert.deepEqual(codes, ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]);
});

test("RFC 6238, appendix B, and where a code ends", async () => {
  const key = await hmac(utf8("12345678901234567890"));
  const at = (time) => totp(key, time, { digits: 8, period: 30 });
  assert.deepEqual(await at(59), { code: "94287082", until: 60 });
  assert.deepEqual(await at(1111111109), { code: "07081804", until: 1111111110 });
  assert.deepEqual(await at(20000000000), { code: "65353130", until: 20000000010 });
});

test("codes for outages are those of cs-core, each group's its own, and their key does not leave", async () => {
  const passcodes = await importSeed(toBase64url(utf8("12345678901234567890")));
  const key = await outageKey(passcodes, "DAXXXXXXXXXXXXXXXXXX", "hq");
  // The seed that cs-core's test has for these.
  const seed = Uint8Array.from(Buffer.from("8ed777a4046e6fb3f906fe9ca77af89e009e5fe8", "hex"));
  const expected = await hotp(await hmac(seed), 2_000_000, 6);
  assert.deepEqual(await outageCode(key, 60_000_015), { code: expected, until: 60_000_030 });
  await assert.rejects(crypto.subtle.exportKey("raw", key));
  for (const [account, group] of [["DAXXXXXXXXXXXXXXXXXX", "branch"], ["DAYYYYYYYYYYYYYYYYYY", "hq"]]) {
    const other = await outageKey(passcodes, account, group);
    const codes = await Promise.all([0, 30, 60].map(async (time) => (await outageCode(other, time)).code));
    const ours = await Promise.all([0, 30, 60].map(async (time) => (await outageCode(key, time)).code));
    assert.notDeepEqual(codes, ours);
  }
  assert.deepEqual([" HQ ", "a-1", "", "h q", "hq\n1", "ä", "x".repeat(33)].map(groupName), ["hq", "a-1", null, null, null, null, null]);
});

test("RFC 7638's thumbprint of RFC 7517's key, and base64url both ways", async () => {
  const jwk = { kty: "EC", crv: "P-256", x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM" };
  assert.equal(await thumbprint(jwk), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
  assert.equal(toBase64url(await sha256(utf8(""))), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
  assert.deepEqual([...fromBase64url("_-8")], [255, 239]);
  assert.throws(() => fromBase64url("a+b="), TypeError);
});

test("both sides compute the same words", async () => {
  const key = toBase64url(await sha256(utf8("key")));
  assert.equal(await confirmPhrase(CODE, key, WORDS), "needle-ivory-88");
});

test("keys do not leave, and sign as the protocol wants it", async () => {
  const { key, jwk, thumbprint } = await newKey();
  await assert.rejects(crypto.subtle.exportKey("jwk", key));
  await assert.rejects(crypto.subtle.exportKey("pkcs8", key));
  await assert.rejects(crypto.subtle.exportKey("raw", await importSeed("AAECAwQFBgcICQoLDA0ODxAREhM")));
  const jws = await sign("cs-request+jwt", thumbprint, { v: 1, text: "ä" }, key);
  const [header, payload, signature] = jws.split(".");
  assert.equal(Buffer.from(header, "base64url").toString(), `{"alg":"ES256","typ":"cs-request+jwt","kid":"${thumbprint}"}`);
  assert.deepEqual(JSON.parse(Buffer.from(payload, "base64url")), { v: 1, text: "ä" });
  const pub = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  const ok = await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, pub, fromBase64url(signature), utf8(`${header}.${payload}`));
  assert.ok(ok);
});

test("every form of an activation is read, and nothing else", () => {
  const there = { code: CODE, origin: "https://auth.example.org:8443" };
  const host = btoa("auth.example.org:8443");
  for (const text of [`duo://${CODE}-${host}`, `${CODE}-${host.replaceAll("=", "")}`, ` ${CODE}-${host}\n`, `https://auth.example.org:8443/authenticator/activate#${CODE}`]) {
    assert.deepEqual(parseActivation(text, HERE), there, text);
  }
  assert.deepEqual(parseActivation(CODE, HERE), { code: CODE, origin: HERE });
  for (const text of [
    "", "-", "duo://", `duo://${CODE}0-${host}`, `http://a.bc/authenticator/activate#${CODE}`, `https://a.bc/other#${CODE}`,
    `https://a.bc@evil.example/authenticator/activate#${CODE}`, `https://a.bc/authenticator/activate?x=1#${CODE}`, `https://a.bc/authenticator/activate#${CODE}0`,
    `${CODE}-${btoa("a.bc/path")}`, `${CODE}-${btoa("user@a.bc")}`, `${CODE}-${btoa("a.bc\\@evil")}`, `${CODE}-!!!`, "x".repeat(5000),
    // eslint would not like it either
    `javascript:alert(1)#${CODE}`,
  ]) {
    assert.equal(parseActivation(text, HERE), null, text);
  }
});

test("events are whole, however the stream is cut", () => {
  const text = 'event: request\ndata: {"a":1}\n\n: a comment\n\nevent: ping\r\ndata: {}\r\n\r\ndata: x\ndata: y\n\n';
  const whole = [{ event: "request", data: '{"a":1}' }, { event: "ping", data: "{}" }, { event: "message", data: "x\ny" }];
  assert.deepEqual(new EventParser().push(text), whole);
  const parser = new EventParser();
  assert.deepEqual([...text].flatMap((char) => parser.push(char)), whole);
  const endless = new EventParser();
  assert.throws(() => { for (;;) endless.push("x".repeat(65536)); }, RangeError);
});

test("a clock is worth telling of when the server would refuse it, and the server's time is used either way", () => {
  let now = 1_000_000_000_000;
  const clock = new Clock(() => now);
  clock.set(1_000_000_001);
  assert.deepEqual([clock.seconds(), clock.error()], [1_000_000_000, 0]);
  clock.set(1_000_000_000 - 300);
  assert.deepEqual([clock.seconds(), clock.error()], [999_999_700, 300]);
  now += 10_000;
  assert.equal(clock.seconds(), 999_999_710);
  clock.set(undefined);
  clock.set(Number.NaN);
  assert.equal(clock.error(), 300);
});

/** A server that answers as `answer` says and keeps what was asked. */
function fake(answer, now = 1_790_000_000_000) {
  const asked = [];
  const fetch = async (url, init) => {
    asked.push({ url, ...init, ...(init.headers.authorization ? { proof: payloadOf(init.headers.authorization.slice(7)) } : {}) });
    const { status = 200, body = {}, headers = {} } = await answer(asked.at(-1), asked.length);
    return new Response(status === 204 ? null : typeof body === "string" ? body : JSON.stringify(body), { status, headers });
  };
  return { asked, server: new Server({ origin: HERE, clock: new Clock(() => now), fetch }) };
}
const payloadOf = (jws) => JSON.parse(Buffer.from(jws.split(".")[1], "base64url"));

async function binding() {
  const { key } = await newKey();
  return { device: "DP1", origin: HERE, account: { id: "DA1", name: "Example" }, user: "alice", name: "phone", key, otp: { kind: "hotp", digits: 6, counter: 0 }, otpKey: await importSeed("AAECAwQFBgcICQoLDA0ODw"), phrase: "a-b-1", confirmed: true, added: 0 };
}

const STATEMENT = { v: 1, account: "DA1", origin: HERE, device: "DP1", txid: "t/1", request: "x", application: "Mail", user: "alice", type: "Login request", address: "", place: "", hostname: "", time: 1, info: [["Command", "uname"]] };

test("an answer is signed over the whole statement, member for member, in a request signed over path and body", async () => {
  const { asked, server } = fake(() => ({ body: { result: "approved" } }));
  const request = { txid: "t/1", created: 0, expires: 60, digits: 2, statement: { ...STATEMENT, later: "a member of a newer server" } };
  assert.equal(await server.answer(await binding(), request, "approve", "42"), "approved");
  const [{ url, method, body, proof, credentials, redirect }] = asked;
  assert.deepEqual([method, url, credentials, redirect], ["POST", `${HERE}/authenticator/v1/requests/t%2F1/answer`, "omit", "error"]);
  assert.deepEqual({ ...proof, jti: 0 }, { v: 1, aud: HERE, htm: "POST", htu: "/authenticator/v1/requests/t%2F1/answer", iat: 1_790_000_000, jti: 0, bsha: toBase64url(await sha256(utf8(body))) });
  assert.equal(fromBase64url(proof.jti).length, 16);
  assert.deepEqual(payloadOf(JSON.parse(body).answer), { ...request.statement, number: "42", answer: "approve", iat: 1_790_000_000 });
});

test("a wrong clock is corrected by the server's and the request sent once more, with a new nonce", async () => {
  const clock = { status: 401, body: { error: { code: "clock", message: "", server_time: 1_790_000_500 } } };
  const { asked, server } = fake((_, count) => (count === 1 ? clock : { body: { server_time: 1_790_000_500, requests: [] } }));
  assert.deepEqual(await server.waiting(await binding()), []);
  assert.deepEqual(asked.map(({ proof }) => proof.iat), [1_790_000_000, 1_790_000_500]);
  assert.notEqual(asked[0].proof.jti, asked[1].proof.jti);
  const stubborn = fake(() => clock);
  await assert.rejects(stubborn.server.waiting(await binding()), { code: "clock" });
  assert.equal(stubborn.asked.length, 2);
});

test("refusals keep what they say; what is no answer of the server is not taken for one", async () => {
  const refused = async (answer) => fake(() => answer).server.status(await binding()).then(() => assert.fail(), (error) => error);
  const closed = await refused({ status: 409, body: { error: { code: "closed", message: "m", state: "cancelled" } } });
  assert.ok(closed instanceof Refusal);
  assert.deepEqual([closed.code, closed.state, closed.status], ["closed", "cancelled", 409]);
  const busy = await refused({ status: 429, body: { stat: "FAIL" }, headers: { "retry-after": "7" } });
  assert.deepEqual([busy.code, busy.retryAfter], ["busy", 7]);
  assert.equal((await refused({ status: 502, body: "<html>" })).code, "unavailable");
  assert.equal((await refused({ status: 503, body: { error: null } })).code, "unavailable");
  assert.ok((await refused({ status: 200, body: "<html>log in to this network" })) instanceof Unreachable);
  const cut = fake(() => Promise.reject(new TypeError("network")));
  await assert.rejects(cut.server.status(await binding()), Unreachable);
});

test("an activation proves its key, computes the words itself, and keeps a seed that cannot be read", async () => {
  const answering = (phrase) => async ({ body }) => {
    const { code, proof, device } = JSON.parse(body);
    const { key, ...rest } = payloadOf(proof);
    assert.deepEqual(rest, { v: 1, code, origin: HERE, iat: 1_790_000_000 });
    assert.deepEqual(device, { class: "pwa", name: "phone", platform: "Android", app_version: "1", key_protection: "browser", push: null });
    return { body: { device_id: "DP1", account: { id: "DA1", name: "Example" }, user: { name: "alice" }, origin: HERE, server_time: 1_790_000_000, otp: { kind: "hotp", seed: "AAECAwQFBgcICQoLDA0ODw", digits: 6, counter: 0 }, confirm: { phrase: phrase ?? (await confirmPhrase(code, key, WORDS)), required: true } } };
  };
  const introduction = { code: CODE, name: "phone", platform: "Android", version: "1", words: WORDS };
  const bound = await fake(answering()).server.activate(introduction);
  assert.deepEqual([bound.device, bound.user, bound.confirmed, bound.otp], ["DP1", "alice", false, { kind: "hotp", digits: 6, counter: 0 }]);
  assert.equal(JSON.stringify(bound).includes("AAECAwQF"), false);
  await assert.rejects(fake(answering("otter-plum-42")).server.activate(introduction), WrongPhrase);
});

test("a number is taken from a login's page only by the tab that has asked for it", () => {
  const login = "PRABCDEFGHJKLMNPQRST";
  const txid = "0192f0c1-7b1e-7a51-9d7b-0d5d3b8c9a11";
  const storage = new Map();
  const kept = { getItem: (name) => storage.get(name) ?? null, setItem: (name, value) => storage.set(name, value), removeItem: (name) => storage.delete(name) };
  const request = { txid, digits: 3, pages: "https://mfa.example.org" };
  assert.deepEqual(linked(`#/request/${txid}/${login}`), { txid, login });
  for (const other of [`#/request/${txid}`, `#/request/${txid}/DPABCDEFGHJKLMNPQRST`, `#/request/${txid}/${login}/x`, `#/x/${txid}/${login}`]) {
    assert.equal(linked(other), null, other);
  }
  assert.equal(whereToAsk({ ...request, digits: 0 }, login, kept), null);
  assert.equal(whereToAsk({ txid, digits: 3 }, login, kept), null);
  assert.equal(told(`#/here/${txid}/x/123`, kept), null, "nobody has asked");
  const ask = () => {
    const url = new URL(whereToAsk(request, login, kept));
    assert.equal(url.origin + url.pathname, `https://mfa.example.org/frame/prompt/${login}/here`);
    assert.equal(url.searchParams.get("txid"), txid);
    return url.searchParams.get("nonce");
  };
  const nonce = ask();
  assert.deepEqual(told(`#/here/${txid}/${nonce}/012`, kept), { txid, login, number: "012" });
  assert.equal(told(`#/here/${txid}/${nonce}/012`, kept), null, "once");
  assert.notEqual(ask(), nonce);
  // A link that somebody else has made: not the text of this tab.
  assert.equal(told(`#/here/${txid}/${nonce}/012`, kept), null);
  assert.deepEqual(told(`#/here/${txid}/${ask()}`, kept), { txid, login, number: null });
  ask();
  assert.equal(told(`#/here/other/${JSON.parse(storage.get("here")).nonce}/012`, kept), null);
});
