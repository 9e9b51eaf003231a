// A web application that asks for a second factor with @duosecurity/duo_universal, as its README shows. `/login?user=NAME` begins, `/callback` ends.
//
// The library trusts only the authorities of Duo that it carries. It is unmodified: the client that it makes is given an agent that trusts the site's authority instead.
'use strict'

const fs = require('node:fs')
const http = require('node:http')
const https = require('node:https')

const settings = JSON.parse(process.env.APP)
const { Client } = require(require.resolve('@duosecurity/duo_universal', { paths: [process.env.NPM] }))
const logins = new Map()
let redirectUrl

function client (secret) {
  const duo = new Client({ clientId: settings.client_id, clientSecret: secret, apiHost: settings.host, redirectUrl })
  duo.axios.defaults.httpsAgent = new https.Agent({ ca: fs.readFileSync(settings.ca) })
  return duo
}

async function login (query, response) {
  const duo = client(query.get('secret') ?? settings.client_secret)
  await duo.healthCheck()
  const state = duo.generateState()
  logins.set(state, query.get('user'))
  response.writeHead(302, { Location: await duo.createAuthUrl(query.get('user'), state) }).end()
}

async function callback (query) {
  if (query.has('error')) return { error: query.get('error'), description: query.get('error_description') }
  const user = logins.get(query.get('state'))
  if (user === undefined) return { error: 'a state that is not ours' }
  return client(settings.client_secret).exchangeAuthorizationCodeFor2FAResult(query.get('duo_code'), user)
}

const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost')
  try {
    if (url.pathname === '/login') return await login(url.searchParams, response)
    if (url.pathname !== '/callback') return response.writeHead(404).end()
    const answer = await callback(url.searchParams)
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end(JSON.stringify(answer))
  } catch (error) {
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end(JSON.stringify({ error: error.message }))
  }
})
server.listen(0, '127.0.0.1', () => {
  redirectUrl = `http://localhost:${server.address().port}/callback`
  console.log('listening', server.address().port)
})
