// `@duosecurity/duo_api`, in the signature version of the second argument: 2 or 5.
//
// The library knows neither a port nor an authority of one's own. Both are put in from outside, in memory: the certificate
// is verified as always, against the site's authority.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const https = require('node:https')
const { spawnSync } = require('node:child_process')

const site = JSON.parse(process.env.SITE)
const version = Number(process.argv[2])
const library = require.resolve('@duosecurity/duo_api', { paths: [process.env.NPM] })

const constants = require(require.resolve('@duosecurity/duo_api/lib/constants', { paths: [process.env.NPM] }))
constants.DUO_PINNED_CERT = fs.readFileSync(site.ca, 'utf8')
const request = https.request
let calls = 0
https.request = (options, ...rest) => {
  calls += 1
  assert.notEqual(options.rejectUnauthorized, false)
  return request({ ...options, port: site.port }, ...rest)
}
const duo = require(library)

const admin = client(site.admin)
const auth = client(site.auth)

function client (keys) {
  return new duo.Client(keys.ikey, keys.skey, site.host, version)
}

function call (api, method, path, params) {
  return new Promise((resolve) => api.jsonApiCall(method, path, params, resolve))
}

async function ok (api, method, path, params = {}) {
  const answer = await call(api, method, path, params)
  assert.equal(answer.stat, 'OK', `${method} ${path}: ${JSON.stringify(answer)}`)
  return answer.response
}

async function refused (code, api, method, path, params = {}) {
  const answer = await call(api, method, path, params)
  assert.equal(answer.stat, 'FAIL', JSON.stringify(answer))
  assert.equal(answer.code, code, JSON.stringify(answer))
}

async function main () {
  await ok(auth, 'GET', '/auth/v2/ping')
  await ok(auth, 'GET', '/auth/v2/check')

  // The library leaves these as they are in a form, and signs them encoded.
  for (const name of ["o'neil", '(par)ens*!', 'til~de', 'a+b', 'amp&er=sand', 'sl/ash', 'Ünïcödé 名前']) {
    const made = await ok(admin, 'POST', '/admin/v1/users', { username: name, realname: name })
    assert.equal(made.username, name)
    const found = await ok(admin, 'GET', '/admin/v1/users', { username: name })
    assert.deepEqual(found.map((user) => user.user_id), [made.user_id])
  }
  const changed = await ok(admin, 'POST', '/admin/v1/users', { username: 'alice', notes: 'zz', email: 'a@example.org' })
  const path = `/admin/v1/users/${changed.user_id}`
  assert.equal((await ok(admin, 'POST', path, { notes: '' })).notes, '')
  const [code] = await ok(admin, 'POST', `${path}/bypass_codes`, { count: 1 })
  const login = { username: 'alice', factor: 'passcode', passcode: code }
  assert.equal((await ok(auth, 'POST', '/auth/v2/preauth', { username: 'alice' })).result, 'auth')
  assert.equal((await ok(auth, 'POST', '/auth/v2/auth', login)).result, 'allow')
  assert.equal((await ok(auth, 'POST', '/auth/v2/auth', login)).result, 'deny')

  const enrolled = await ok(auth, 'POST', '/auth/v2/enroll', { username: 'pushed' })
  const home = fs.mkdtempSync(`${site.home}-`)
  const phone = (...args) => {
    const done = spawnSync(site.device, ['--json', ...args], {
      env: { ...process.env, COUNTERSIGN_DEVICE_HOME: home }, encoding: 'utf8'
    })
    assert.equal(done.status, 0, done.stdout + done.stderr)
    return JSON.parse(done.stdout)
  }
  phone('activate', enrolled.activation_code, '--ca-cert', site.ca)
  const push = { username: 'pushed', factor: 'push', device: 'auto', async: '1', pushinfo: "to=o'neil" }
  const { txid } = await ok(auth, 'POST', '/auth/v2/auth', push)
  phone('approve', txid, '--yes')
  assert.equal((await ok(auth, 'GET', '/auth/v2/auth_status', { txid })).result, 'allow')

  // A list in a query.
  const mintime = String(Date.now() - 3600e3)
  const maxtime = String(Date.now() + 3600e3)
  const log = { mintime, maxtime, limit: '2', sort: 'ts:asc', event_types: 'authentication' }
  const first = await ok(admin, 'GET', '/admin/v2/logs/authentication', log)
  assert.equal(first.authlogs.length, 2)
  const next = { ...log, next_offset: first.metadata.next_offset }
  const second = await ok(admin, 'GET', '/admin/v2/logs/authentication', next)
  assert.equal(second.authlogs.length, 1)
  assert.equal((await ok(admin, 'DELETE', path)), '')

  await refused(40103, client({ ...site.auth, skey: '0'.repeat(40) }), 'GET', '/auth/v2/check')
  await refused(40102, client({ ...site.auth, ikey: 'DI' + '0'.repeat(17) + 'X' }), 'GET', '/auth/v2/check')
  await refused(40301, client(site.admin), 'GET', '/auth/v2/check')
  await refused(40301, client(site.auth), 'GET', '/admin/v1/users')
  await refused(40401, admin, 'GET', '/admin/v1/users/DU00000000000000000X')
  assert(calls > 30)
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
