// A web application whose logins ask for a second factor, with Duo's SDK for Node (@duosecurity/duo_universal), unmodified.
//
//     node app.js [SETTINGS]      settings.json beside this file, unless another one is named
//
// The password is not looked at: this sample is about what comes after it. What is written here at length is what an
// application needs: the login's state belongs to one browser and is good once, and when the second factor cannot be
// asked for, nobody gets in.
'use strict'

const crypto = require('node:crypto')
const fs = require('node:fs')
const http = require('node:http')
const https = require('node:https')
const path = require('node:path')
const { Client } = require('@duosecurity/duo_universal')

const settingsFile = process.argv[2] ?? path.join(__dirname, 'settings.json')
const settings = JSON.parse(fs.readFileSync(settingsFile, 'utf8'))

// By the browser's cookie. A real application keeps sessions where a restart does not lose them, and ends them.
const logins = new Map() // logins that wait for their second factor
const sessions = new Map() // what the second factor told of those who are in
let duo

const form = `<h1>Sample application (Node)</h1>
<form method="post" action="/login">
<p><label>User name <input name="username" value="alice" required autofocus></label></p>
<p><label>Password <input name="password" type="password" autocomplete="off"></label> (any: this sample does not check it)</p>
<button>Log in</button></form>`

function client (redirectUrl) {
  const { client_id: clientId, client_secret: clientSecret, api_host: apiHost } = settings
  const made = new Client({ clientId, clientSecret, apiHost, redirectUrl })
  if (settings.ca) {
    // The SDK trusts the authorities of Duo's own service alone: this client gets another one to trust. It always verifies.
    const ca = fs.readFileSync(path.resolve(path.dirname(settingsFile), settings.ca))
    made.axios.defaults.httpsAgent = new https.Agent({ ca })
  }
  return made
}

// The password was right. Sends the browser for the second factor.
async function login (username, response) {
  try {
    await duo.healthCheck()
  } catch (error) {
    // Nobody gets in without: to let people in here is a decision to take beforehand, and to write down.
    return refuse(response, 'The second factor cannot be asked for now', error.message)
  }
  const [browser, state] = [crypto.randomUUID(), duo.generateState()]
  logins.set(browser, { username, state })
  // A new name for this browser with every login, so that nobody can have chosen it.
  sendTo(response, await duo.createAuthUrl(username, state), browser)
}

// The browser is back: with a code, or with what went wrong.
async function callback (browser, query, response) {
  const begun = logins.get(browser)
  logins.delete(browser)
  if (begun === undefined || !same(begun.state, query.get('state') ?? '')) {
    return refuse(response, 'This login was not begun in this browser, or it is over')
  }
  if (query.has('error')) return refuse(response, 'The login was refused', query.get('error_description') ?? query.get('error'))
  let claims
  try {
    claims = await duo.exchangeAuthorizationCodeFor2FAResult(query.get('duo_code') ?? '', begun.username)
  } catch (error) {
    return refuse(response, 'The login could not be confirmed', error.message)
  }
  sessions.set(browser, claims)
  sendTo(response, '/')
}

function welcome (claims) {
  return `<h1>You are in, ${escaped(claims.preferred_username)}</h1>` +
    '<form method="post" action="/logout"><button>Log out</button></form><p>What the second factor told:</p>' +
    `<pre id="claims">${escaped(JSON.stringify(claims, null, 2))}</pre>`
}

function refuse (response, what, why = '') {
  page(response, `<h1>${what}</h1><p id="error">${escaped(why)}</p><p><a href="/">Try again</a></p>`, 403)
}

function page (response, body, status = 200) {
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'"
  })
  response.end(`<!doctype html><html lang=en><meta charset=utf-8><title>Sample application</title><main>${body}</main>`)
}

function sendTo (response, location, browser) {
  const headers = { Location: location }
  // With https, as it is outside of a sample, add `Secure`.
  if (browser) headers['Set-Cookie'] = `sample-node=${browser}; Path=/; HttpOnly; SameSite=Lax`
  response.writeHead(303, headers).end()
}

function escaped (text) {
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return String(text).replace(/[&<>"']/g, (character) => entities[character])
}

function same (one, other) {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && crypto.timingSafeEqual(a, b)
}

async function posted (request) {
  let body = ''
  for await (const chunk of request) {
    body += chunk
    if (body.length > 10_000) break
  }
  return new URLSearchParams(body)
}

async function answer (request, response) {
  const url = new URL(request.url, 'http://localhost')
  const browser = /(?:^|;\s*)sample-node=([^;]*)/.exec(request.headers.cookie ?? '')?.[1]
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /':
      return page(response, sessions.has(browser) ? welcome(sessions.get(browser)) : form)
    case 'GET /callback':
      return callback(browser, url.searchParams, response)
    case 'POST /login': {
      const username = (await posted(request)).get('username')
      if (username) return login(username, response)
      break
    }
    case 'POST /logout':
      sessions.delete(browser)
      return sendTo(response, '/')
  }
  page(response, '<h1>There is no such page</h1>', 404)
}

const server = http.createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error)
    response.destroy()
  })
})
server.on('error', (error) => {
  console.error(`port ${settings.port} cannot be used (${error.code}); write another one, or 0 for any, into ${settingsFile}`)
  process.exit(1)
})
server.listen(settings.port, '127.0.0.1', () => {
  const address = `http://localhost:${server.address().port}`
  duo = client(`${address}/callback`)
  console.log(`Open ${address} in a browser. Ctrl-C ends it.`)
})
