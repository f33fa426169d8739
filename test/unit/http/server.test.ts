import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { firing, payload } from '../../support/alertmanager-payloads.ts'
import { type Caller, open, type ServerFixture, TOKENS } from '../../support/server-fixture.ts'

t.test('the receiver: durable, then 202, with the ids of the incidents', async t => {
  const { app, call } = await open(t)

  const first = await call('POST', '/webhooks/alertmanager', {
    as: 'webhook',
    body: payload([firing(), firing({ labels: { alertname: 'B' } })])
  })
  const peer = await call('POST', '/webhooks/alertmanager', {
    as: 'webhook',
    body: payload([firing({ startsAt: '2026-11-21T12:00:00.5Z' })], { externalURL: 'http://am-2:9093' })
  })

  t.equal(first.status, 202)
  t.match(first.body, { incidents: [{ state: 'opened' }, { state: 'opened' }] })
  t.match(
    peer.body,
    { incidents: [{ id: (first.body['incidents'] as { id: string }[])[0]?.id, state: 'heartbeat' }] },
    'the other peer’s duplicate, with its own URL and startsAt'
  )
  t.equal(
    (await call('POST', '/webhooks/alertmanager', { as: 'webhook', body: payload([firing()]), headers: { 'content-type': 'text/plain' } }))
      .status,
    202,
    'whatever content type a proxy made of it'
  )
  t.ok(await app.ledger.incident((first.body['incidents'] as { id: string }[])[0]?.id ?? ''))
})

t.test('the receiver: who may post, and what is refused', async t => {
  const { call } = await open(t)
  const good = payload([firing()])
  const post = (options: Parameters<ServerFixture['call']>[2]) => call('POST', '/webhooks/alertmanager', options)

  t.equal((await post({ as: 'nobody', body: good })).status, 401)
  t.equal((await post({ as: 'stranger', body: good })).status, 401)
  t.equal((await post({ as: 'operator', body: good })).status, 403, 'people do not post alerts')
  t.equal(
    (
      await post({
        as: 'nobody',
        body: good,
        headers: { authorization: `Basic ${Buffer.from(`any:${TOKENS.webhook}`).toString('base64')}` }
      })
    ).status,
    202,
    'as the password of basic authentication'
  )
  const malformed = await post({ as: 'webhook', body: payload([firing({ status: 'odd' })]) })
  t.equal(malformed.status, 400)
  t.match(malformed.type, /application\/problem\+json/)
  t.match(malformed.body, { status: 400, path: 'alerts[0].status', detail: /alerts\[0\]\.status must be/ })
  t.equal((await post({ as: 'webhook', raw: '{' })).status, 400)
  t.equal((await post({ as: 'webhook', raw: '' })).status, 400)
  t.equal((await post({ as: 'webhook', raw: ' '.repeat(10 * 1024 * 1024 + 1) })).status, 413)

  const metrics = (await call('GET', '/metrics', { as: 'nobody' })).text
  for (const [why, count] of [
    ['unauthorized', 2],
    ['forbidden', 1],
    ['malformed', 3],
    ['too-large', 1]
  ] as const)
    t.match(metrics, new RegExp(`astern_deliveries_refused_total\\{why="${why}"\\} ${count}`), why)
})

t.test('the ledger down: 503, never 429, and nothing claimed to be stored', async t => {
  const { app, call } = await open(t)
  Object.assign(app.ledger, {
    receive: async () => {
      throw new Error('database or disk is full: /secret/path')
    },
    checkWritable: async () => {
      throw new Error('disk is full')
    }
  })
  const { ledger } = app
  t.equal(typeof ledger.receive, 'function')

  const answer = await call('POST', '/webhooks/alertmanager', { as: 'webhook', body: payload([firing()]) })

  t.equal(answer.status, 503)
  t.notMatch(answer.text, /secret/)
  t.equal((await call('GET', '/readyz')).status, 503)
})

t.test('intake full: 503', async t => {
  const { app, call } = await open(t)
  Object.assign(app.ledger, { pending: () => 1_000_000 })
  t.equal((await call('POST', '/webhooks/alertmanager', { as: 'webhook', body: payload([firing()]) })).status, 503)
})

t.test('roles: viewer ⊂ operator ⊂ approver, webhook apart', async t => {
  const { call } = await open(t)
  const asked: readonly (readonly [string, string, unknown, readonly Caller[]])[] = [
    ['GET', '/api/v1/runs', undefined, ['viewer', 'operator', 'approver']],
    ['GET', '/api/v1/status', undefined, ['viewer', 'operator', 'approver']],
    ['GET', '/api/v1/audit', undefined, ['viewer', 'operator', 'approver']],
    ['GET', '/api/v1/switch', undefined, ['viewer', 'operator', 'approver']],
    ['GET', '/api/v1/policies', undefined, ['viewer', 'operator', 'approver']],
    ['POST', '/api/v1/policies/explain', { labels: { alertname: 'A' } }, ['viewer', 'operator', 'approver']],
    ['PUT', '/api/v1/switch', { mode: 'auto', reason: 'test' }, ['operator', 'approver']],
    [
      'POST',
      '/api/v1/dry-runs',
      { policy: 'undo', target: { kind: 'Deployment', namespace: 'shop', name: 'api' } },
      ['operator', 'approver']
    ],
    ['POST', '/-/reload', undefined, ['operator', 'approver']]
  ]
  for (const [method, path, body, allowed] of asked) {
    for (const as of ['webhook', 'viewer', 'operator', 'approver'] as const) {
      const { status } = await call(method, path, { as, body })
      t.equal(status, allowed.includes(as) ? 200 : 403, `${as} ${method} ${path}`)
    }
    t.equal((await call(method, path, { as: 'nobody', body })).status, 401, `nobody ${method} ${path}`)
  }
  for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json'])
    t.equal((await call('GET', path, { as: 'nobody' })).status, 200, path)
})

t.test('a source or the cluster being away stops no intake, and status tells', async t => {
  const { call } = await open(t)
  t.equal((await call('GET', '/readyz', { as: 'nobody' })).status, 200)
  t.match((await call('GET', '/api/v1/status')).body, {
    cluster: { reachable: false, watches: [] },
    sources: { prometheus: { reachable: false, configured: true } },
    ledger: 'takes writes',
    switch: { mode: 'auto' },
    storm: null
  })
})

t.test('dry runs, manual runs, explain, the switch', async t => {
  const { call } = await open(t)
  const target = { kind: 'Deployment', namespace: 'shop', name: 'api' }
  const dry = await call('POST', '/api/v1/dry-runs', { body: { policy: 'undo', target } })
  t.match(dry.body, {
    outcome: 'denied',
    reason: 'cluster-unreachable',
    stages: [{ stage: 'resolve', stopped: { reason: 'cluster-unreachable' } }]
  })
  t.match(
    (await call('GET', `/api/v1/runs/${String(dry.body['id'])}`)).body,
    { kind: 'dry-run', outcome: 'denied', timeline: [{ kind: 'run-started' }, { kind: 'decision' }, { kind: 'concluded' }] },
    'stored as a run'
  )
  t.match(await call('POST', '/api/v1/dry-runs', { body: { alert: { labels: { alertname: 'Z' } } } }), {
    status: 422,
    body: { policies: [{ policy: 'undo', lacks: [{ matcher: 'alertname="A"', actual: 'Z' }] }] }
  })
  const slow = await call('POST', '/api/v1/dry-runs', { body: { policy: 'slow', target } })
  t.equal(slow.status, 202, 'sampling for more than 20 s is not waited for')
  t.match(await call('GET', `/api/v1/runs/${String(slow.body['id'])}`), { status: 200, body: { kind: 'dry-run', policy: 'slow' } })
  t.match(await call('POST', '/api/v1/dry-runs', { body: { policy: 'nope', target } }), {
    status: 404,
    body: { detail: /there are undo, slow/ }
  })
  t.equal((await call('POST', '/api/v1/dry-runs', { body: { policy: 'undo' } })).status, 400)
  t.equal((await call('POST', '/api/v1/dry-runs', { body: { policy: 'undo', target, extra: 1 } })).status, 400, 'unknown keys are refused')
  t.equal((await call('POST', '/api/v1/dry-runs', { body: { policy: 'undo', target: { ...target, kind: 'Pod' } } })).status, 400)

  const run = await call('POST', '/api/v1/runs', { body: { policy: 'undo', target } })
  const again = await call('POST', '/api/v1/runs', { body: { policy: 'undo', target } })
  t.match(run, { status: 202, body: { state: 'started' } })
  t.match(again, { status: 202, body: { id: run.body['id'], state: 'under-way' } }, 'asking twice runs once')
  t.match((await call('GET', `/api/v1/runs/${String(run.body['id'])}`)).body, {
    kind: 'live',
    trigger: { kind: 'request', by: 'the-operator' },
    timeline: [{ kind: 'run-started', askedBy: 'the-operator' }]
  })
  const alert = { labels: { alertname: 'A', namespace: 'shop' } }
  t.match(await call('POST', '/api/v1/runs', { body: { alert } }), { status: 202, body: { state: 'started' } })
  t.equal((await call('POST', '/api/v1/runs', { body: { alert: { ...alert, status: 'resolved' } } })).status, 400)
  t.equal((await call('POST', '/api/v1/runs', { body: { alert: { labels: { alertname: 'Z' } } } })).status, 422)

  t.match((await call('PUT', '/api/v1/switch', { body: { mode: 'off', reason: 'incident 7' } })).body, {
    mode: 'off',
    by: 'the-operator',
    reason: 'incident 7'
  })
  t.equal((await call('PUT', '/api/v1/switch', { body: { mode: 'approve', reason: 'x' } })).status, 400)
  t.equal((await call('PUT', '/api/v1/switch', { body: { mode: 'off' } })).status, 400)
  t.match((await call('POST', '/api/v1/policies/explain', { body: { labels: { alertname: 'A' } } })).body, { match: 'undo' })
})

t.test('the list of policies shows what guards may do, as it is in force', async t => {
  const { call, files } = await open(t)
  t.match((await call('GET', '/api/v1/policies')).body, { guards: [] })
  const file: object = JSON.parse(readFileSync(files.policies, 'utf8'))
  const guards = [{ name: 'deploys', namespaces: ['team-*'], bounds: { tolerate: 'x1.5', objective: '1%' } }]
  writeFileSync(files.policies, JSON.stringify({ ...file, guards }))
  t.equal((await call('POST', '/-/reload')).status, 200)
  t.match((await call('GET', '/api/v1/policies')).body, {
    items: [{ name: 'undo' }, { name: 'slow' }],
    guards: [
      {
        name: 'deploys',
        mode: 'dry-run',
        namespaces: ['team-*'],
        cooldown: '30m',
        steps: [{ action: 'rollout-undo' }],
        bounds: { tolerate: 'x1.5', objective: 0.01, metrics: ['http-error-ratio', 'http-latency', 'grpc-error-ratio', 'grpc-latency'] }
      }
    ]
  })
})

t.test('lists: pages, filters, NDJSON; the audit is whole', async t => {
  const { call } = await open(t)
  for (let index = 0; index < 5; index += 1)
    await call('POST', '/api/v1/dry-runs', {
      body: { policy: 'undo', target: { kind: 'Deployment', namespace: 'shop', name: `api-${index}` } }
    })

  const first = await call('GET', '/api/v1/runs?limit=3&kind=dry-run')
  const second = await call('GET', `/api/v1/runs?limit=3&kind=dry-run&cursor=${String(first.body['next'])}`)
  t.equal((first.body['items'] as unknown[]).length, 3)
  t.equal((second.body['items'] as unknown[]).length, 2)
  t.equal(second.body['next'], undefined)
  const [found, ...others] = (await call('GET', '/api/v1/runs?target=Deployment/shop/api-3')).body['items'] as { target: string }[]
  t.same([found?.target, others], ['Deployment/shop/api-3', []])
  const lines = (await call('GET', '/api/v1/audit', { headers: { accept: 'application/x-ndjson' } })).text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { seq: number })
  t.same(
    lines.map(line => line.seq),
    lines.map((_, index) => index + 1)
  )
  for (const bad of ['limit=0', 'limit=x', 'state=odd', 'unknown=1']) t.equal((await call('GET', `/api/v1/runs?${bad}`)).status, 400, bad)
  t.match(await call('GET', '/api/v1/runs/none'), { status: 404, body: { title: 'No such run' } })
  t.match(await call('GET', '/nowhere'), { status: 404, type: /problem\+json/ })
})

t.test('deploy markers: what is taken, and what is refused', async t => {
  const { call } = await open(t)
  const target = { kind: 'Deployment', namespace: 'shop', name: 'api' }
  const send = (body: unknown, as: 'operator' | 'webhook' = 'operator') => call('POST', '/api/v1/deployments', { as, body })
  const good = await send({ target, version: 'v7', commit: 'abc', author: 'ann', url: 'https://ci.example/7', id: '7' })
  t.equal(good.status, 201)
  t.match(good.body, { of: 'Deployment/shop/api', id: 'operator/Deployment/shop/api/7' })
  t.equal((await send({ target, version: 'v7', id: '7' })).status, 201, 'told twice')
  t.match((await send({ release: { namespace: 'shop', name: 'api' }, version: 'v8' })).body, { of: 'Release/shop/api' })
  t.equal((await send({ target, version: 'v7' }, 'webhook')).status, 403)
  const bad: readonly unknown[] = [
    {},
    { version: 'v7' },
    { target },
    { target, release: { namespace: 'a', name: 'b' }, version: 'v7' },
    { target: { ...target, kind: 'Pod' }, version: 'v7' },
    { target, version: 'v7', at: 'yesterday' },
    { target, version: 'v7', at: '2999-01-01T00:00:00Z' },
    { target, version: 'v7', at: '2020-01-01T00:00:00Z' },
    { target, version: 'v7', url: 'javascript:alert(1)' },
    { target, version: 'v'.repeat(201) },
    { target, version: 'v7', sha: 'abc' }
  ]
  for (const body of bad) t.equal((await send(body)).status, 400, JSON.stringify(body).slice(0, 80))
  const rows = (await call('GET', '/api/v1/audit', { as: 'viewer' })).text
  t.equal(rows.split('"deploy-marker"').length - 1, 2, 'each is told once in the audit log')
})

t.test('OpenAPI lists every route', async t => {
  const { call } = await open(t)
  const { paths } = (await call('GET', '/openapi.json', { as: 'nobody' })).body as { paths: Record<string, unknown> }
  for (const path of [
    '/webhooks/alertmanager',
    '/api/v1/dry-runs',
    '/api/v1/runs',
    '/api/v1/runs/{id}',
    '/api/v1/switch',
    '/api/v1/policies',
    '/api/v1/policies/explain',
    '/api/v1/audit',
    '/api/v1/status',
    '/healthz',
    '/readyz',
    '/metrics',
    '/-/reload'
  ])
    t.ok(paths[path], path)
})

t.test('no token ever enters the ledger or the audit', async t => {
  const { call } = await open(t)
  await call('POST', '/webhooks/alertmanager', { as: 'webhook', body: payload([firing()]) })
  const audit = (await call('GET', '/api/v1/audit', { headers: { accept: 'application/x-ndjson' } })).text
  for (const token of Object.values(TOKENS)) t.notMatch(audit, new RegExp(token))
})
