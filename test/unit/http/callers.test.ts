import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { readConfig } from '../../../src/config.ts'
import { checkAccess } from '../../../src/doctor/local.ts'
import { firing, payload } from '../../support/alertmanager-payloads.ts'
import { firstLine, rawClient } from '../../support/raw-http.ts'
import { open, TOKENS, tokenLine } from '../../support/server-fixture.ts'

const TARGET = { kind: 'Deployment', namespace: 'shop', name: 'api' }

t.test('DNS rebinding does not reach the switch, and a foreign page posts no alert and reloads nothing', async t => {
  const { app } = await open(t, { tokenless: true })
  const send = rawClient(t, app.address)
  const { host, port } = new URL(app.address)

  const rebound = await send({
    method: 'PUT',
    path: '/api/v1/switch',
    headers: {
      host: `evil.example:${port}`,
      origin: `http://evil.example:${port}`,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/json'
    },
    body: JSON.stringify({ mode: 'off', reason: 'a page' })
  })
  const posted = await send({
    method: 'POST',
    path: '/webhooks/alertmanager',
    headers: { host, 'content-type': 'text/plain' },
    body: JSON.stringify(payload([firing()]))
  })
  const reloaded = await send({
    method: 'POST',
    path: '/-/reload',
    headers: { host, origin: 'https://evil.example', 'content-type': 'text/plain' }
  })

  t.equal(rebound.status, 421)
  t.equal((await app.ledger.switchState()).mode, 'auto')
  t.equal(posted.status, 415)
  t.same(await app.ledger.unadmitted(1), [])
  t.equal(reloaded.status, 403)
})

t.test('a forwarded port is refused in words that name the setting, and let in once it is set', async t => {
  const refused = await open(t, { tokenless: true })
  const allowed = await open(t, { tokenless: true, allowHost: ['localhost:9090', 'astern.internal'] })
  const headers = { host: 'localhost:9090' }

  const answer = await rawClient(t, refused.app.address)({ method: 'GET', path: '/api/v1/status', headers })
  t.equal(answer.status, 421)
  t.match(JSON.parse(answer.text), { status: 421, detail: /Where a port is forwarded.*--allow-host HOST\[:PORT\], or ASTERN_ALLOW_HOSTS/ })
  const send = rawClient(t, allowed.app.address)
  t.equal((await send({ method: 'GET', path: '/api/v1/status', headers })).status, 200)
  t.equal(
    (await send({ method: 'GET', path: '/api/v1/status', headers: { host: 'astern.internal', origin: 'https://astern.internal' } })).status,
    200,
    'a proxy may speak TLS in front'
  )
})

t.test('two Host headers, none, and a name in the request line decide nothing', async t => {
  const { app } = await open(t, { tokenless: true })
  const { host } = new URL(app.address)
  for (const [what, bytes, status] of [
    ['two hosts', `GET /api/v1/switch HTTP/1.1\r\nHost: ${host}\r\nHost: evil.example\r\n\r\n`, /^HTTP\/1\.1 4(21|00) /],
    ['two hosts, ours last', `GET /api/v1/switch HTTP/1.1\r\nHost: evil.example\r\nHost: ${host}\r\n\r\n`, /^HTTP\/1\.1 4(21|00) /],
    ['no host', 'GET /api/v1/switch HTTP/1.0\r\n\r\n', /^HTTP\/1\.1 421 /],
    [
      'two origins',
      `GET /api/v1/switch HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nOrigin: http://evil.example\r\n\r\n`,
      /^HTTP\/1\.1 403 /
    ],
    ['whole URL', `GET http://evil.example/api/v1/switch HTTP/1.1\r\nHost: evil.example\r\n\r\n`, /^HTTP\/1\.1 4/],
    ['unreadable path', `GET /%zz HTTP/1.1\r\nHost: ${host}\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 /]
  ] as const)
    t.match(await firstLine(app.address, bytes), status, what)
})

t.test('tokens are read again on a reload; a bad file keeps the old ones, and says so', async t => {
  const { app, call, files, lines } = await open(t)
  const write = (...tokens: readonly object[]): void => writeFileSync(files.tokens, JSON.stringify({ tokens }))
  const operator = tokenLine('operator')
  t.equal((await call('GET', '/api/v1/switch', { as: 'viewer' })).status, 200)

  write(operator, tokenLine('approver', 'new-secret'))
  t.match(await call('POST', '/-/reload'), { status: 200, body: { kind: 'unchanged', tokens: /loaded|unchanged/ } })
  t.equal((await call('GET', '/api/v1/switch', { as: 'viewer' })).status, 401, 'one that was taken away is gone')
  t.equal((await call('GET', '/api/v1/switch', { as: 'approver' })).status, 401, 'one that was replaced as well')
  t.equal((await call('GET', '/api/v1/switch', { as: 'nobody', headers: { authorization: 'Bearer new-secret' } })).status, 200)
  t.match(await call('POST', '/-/reload'), { body: { tokens: 'unchanged' } })

  const metric = async (): Promise<string> =>
    /^astern_tokens_last_reload_successful (\d)$/m.exec((await call('GET', '/metrics')).text)?.[1] ?? ''
  for (const bad of ['tokens: [', 'tokens: []', JSON.stringify({ tokens: [{ ...operator, role: 'boss' }] }), '']) {
    writeFileSync(files.tokens, bad)
    t.match(
      await call('POST', '/-/reload'),
      { status: 422, body: { title: 'Tokens not loaded', detail: /the tokens in force are unchanged: .*tokens\.yaml/ } },
      bad
    )
    t.equal((await call('GET', '/api/v1/switch')).status, 200, bad)
    t.equal(await metric(), '0')
  }
  // Twice the same is told once.
  await app.reload()
  await app.reload()
  t.ok(lines().filter(({ msg }) => msg === 'the tokens file is bad; the tokens in force are unchanged').length <= 4)
  t.ok(lines().some(({ msg }) => msg === 'the tokens file is bad; the tokens in force are unchanged'))

  write(operator)
  writeFileSync(files.policies, 'version: 1\npolicis: []\n')
  t.match(await call('POST', '/-/reload'), { status: 422, body: { title: 'Policies not loaded' } })
  t.equal(await metric(), '1', 'bad policies hold up no tokens')
  t.equal((await call('GET', '/api/v1/switch', { as: 'nobody', headers: { authorization: 'Bearer new-secret' } })).status, 401)
})

t.test('a deployer tells of deployments in the namespaces that its token names, and may do nothing else', async t => {
  const { app, call } = await open(t)
  const send = (body: unknown) => call('POST', '/api/v1/deployments', { as: 'deployer', body })

  t.equal((await send({ target: TARGET, version: 'v1' })).status, 201)
  t.equal((await send({ release: { namespace: 'team-a', name: 'api' }, version: 'v1' })).status, 201, 'a glob')
  const rows = async (): Promise<number> => (await app.ledger.audit({}, 100)).filter(({ kind }) => kind === 'deploy-marker').length
  t.equal(await rows(), 2)
  for (const body of [
    { target: { ...TARGET, namespace: 'bank' }, version: 'v1' },
    { target: { ...TARGET, namespace: 'shop-2' }, version: 'v1' },
    { release: { namespace: 'bank', name: 'api' }, version: 'v1' }
  ])
    t.match(await send(body), {
      status: 403,
      body: { detail: /the-deployer may not tell of deployments in .*: its token names shop, team-\*/ }
    })
  t.equal(await rows(), 2, 'nothing of them is kept')
})

t.test('failed logins of an address are limited, a valid token always passes, and a sender of alerts is never told 429', async t => {
  const { app, call, lines } = await open(t)
  const tried: number[] = []
  for (let count = 0; count < 15; count += 1) tried.push((await call('GET', '/api/v1/switch', { as: 'stranger' })).status)
  t.same(tried, [...Array<number>(10).fill(401), ...Array<number>(5).fill(429)])
  const waiting = await rawClient(
    t,
    app.address
  )({ method: 'GET', path: '/api/v1/switch', headers: { host: 'astern', authorization: 'Bearer x' } })
  t.match(JSON.parse(waiting.text), { title: 'Too many failed logins' })
  t.ok(Number(waiting.headers['retry-after']) > 0, 'it is told how long to wait')

  t.equal((await call('GET', '/api/v1/switch', { as: 'viewer' })).status, 200, 'with a valid token')
  t.equal((await call('GET', '/healthz', { as: 'nobody' })).status, 200)
  for (let count = 0; count < 15; count += 1)
    t.equal((await call('POST', '/webhooks/alertmanager', { as: 'stranger', body: payload([firing()]) })).status, 401)
  t.equal((await call('POST', '/webhooks/alertmanager', { as: 'webhook', body: payload([firing()]) })).status, 202)
  t.match(
    lines().filter(({ msg, status }) => msg === 'a request was refused' && status === 401),
    [{ sender: '127.0.0.1', reason: 'the token is not known', request: 'GET /api/v1/switch' }],
    'each sender gets a line for each reason'
  )
})

t.test('each refused request leaves a line with its sender and its reason, and is counted', async t => {
  const { app, call, lines } = await open(t)
  const good = payload([firing()])
  const posts = (path: string, options: Parameters<typeof call>[2]) => call('POST', path, options)
  await posts('/webhooks/alertmanager?token=in-the-query', { as: 'stranger', body: good })
  await posts('/webhooks/alertmanager', { as: 'viewer', body: good })
  await posts('/webhooks/alertmanager', { as: 'webhook', body: { ...good, version: '1' } })
  await posts('/webhooks/alertmanagre', { as: 'webhook', body: good })
  await posts('/webhooks/alertmanager', { as: 'webhook', raw: ' '.repeat(10 * 1024 * 1024 + 1) })
  await posts('/api/v1/dry-runs', { body: {}, headers: { 'content-type': 'text/plain' } })
  await call('GET', '/nowhere')
  Object.assign(app.ledger, { receive: async () => Promise.reject(new Error('the disk is away')) })
  await posts('/webhooks/alertmanager', { as: 'webhook', body: good })
  await firstLine(app.address, 'hello\r\n\r\n')

  const told = lines().filter(({ msg }) => msg === 'a request was refused')
  t.match(
    told.map(({ status, sender, request, reason }) => [status, sender, request, reason]),
    [
      [401, '127.0.0.1', 'POST /webhooks/alertmanager', /token is not known/],
      [403, '127.0.0.1', 'POST /webhooks/alertmanager', /the-viewer has viewer/],
      [400, '127.0.0.1', 'POST /webhooks/alertmanager', /Grafana/],
      [404, '127.0.0.1', 'POST /webhooks/alertmanagre', /there is no POST/],
      [413, '127.0.0.1', 'POST /webhooks/alertmanager', /too large/],
      [415, '127.0.0.1', 'POST /api/v1/dry-runs', /Unsupported Media Type/],
      [503, '127.0.0.1', 'POST /webhooks/alertmanager', /not stored/]
    ],
    'the second 400 of that sender within a minute is counted only'
  )
  t.equal(told.length, 7, 'a path that is not there matters only where alerts are lost')
  t.match(told.at(-1), { err: { message: /the disk is away/ } })
  t.notMatch(JSON.stringify(told), /in-the-query/)
  const metrics = (await call('GET', '/metrics')).text
  for (const [why, requests, deliveries] of [
    ['unauthorized', 1, 1],
    ['forbidden', 1, 1],
    ['malformed', 2, 1],
    ['not-found', 1, 1],
    ['too-large', 1, 1],
    ['media-type', 1, 0],
    ['unavailable', 1, 1]
  ] as const) {
    t.match(metrics, `astern_requests_refused_total{why="${why}"} ${requests}\n`, why)
    t.match(metrics, `astern_deliveries_refused_total{why="${why}"} ${deliveries}\n`, why)
  }
})

t.test('tokens that come over plain HTTP from elsewhere are warned of, at the start and by the doctor', async t => {
  const told = /tokens come over plain HTTP/
  const far = await open(t, { listen: '0.0.0.0:0' })
  t.match(
    far.lines().filter(({ level }) => level === 40),
    [{ msg: told, todo: /--tls-cert and --tls-key/ }]
  )
  const near = await open(t)
  t.same(
    near.lines().filter(({ level }) => level === 40),
    []
  )
  const flags = { tokens: 'tokens.yaml', listen: '0.0.0.0:8080' }
  t.match(checkAccess(readConfig(flags, {})), { state: 'warning', detail: told, todo: /--tls-cert and --tls-key/ })
  t.match(checkAccess(readConfig({ ...flags, tlsCert: 'c', tlsKey: 'k' }, {})), { state: 'ok' })
  for (const listen of ['127.0.0.1:8080', 'localhost:8080', '[::1]:8080', '127.1.2.3:1'])
    t.match(checkAccess(readConfig({ ...flags, listen }, {})), { state: 'ok' }, listen)
  t.match(checkAccess(readConfig({}, {})), { state: 'ok' }, 'without tokens there is nothing to read')
})

t.test('Grafana’s webhook is named, with what to set', async t => {
  const { call } = await open(t)
  const answer = await call('POST', '/webhooks/alertmanager', { as: 'webhook', body: { ...payload([firing()]), version: '1' } })
  t.match(answer, { status: 400, body: { path: 'version', detail: /webhook of Grafana: let Grafana send its alerts to an Alertmanager/ } })
  t.match(readFileSync('docs/alertmanager.md', 'utf8'), /## Grafana[\s\S]*contact point[\s\S]*Alertmanager/)
})

t.test('what a token is worth is in no answer', async t => {
  const { call } = await open(t)
  const answer = await call('GET', '/api/v1/switch', { as: 'stranger' })
  for (const token of Object.values(TOKENS)) t.notMatch(answer.text, token)
})
