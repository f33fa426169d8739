import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t, { type Test } from 'tap'
import { ROLES, type Role } from '../../../src/domain/credential.ts'
import { firing, payload } from '../../support/alertmanager-payloads.ts'
import { REQUEST } from '../../support/guard-examples.ts'
import { type RawAnswer, rawClient } from '../../support/raw-http.ts'
import { scriptedGuards } from '../../support/scripted-guards.ts'
import { open, TOKENS } from '../../support/server-fixture.ts'

interface Route {
  readonly route: string
  /** Where it is called, if the route has parameters. */
  readonly path?: string
  /** Who may call it; `open`: anybody, without a token. */
  readonly roles: readonly Role[] | 'open'
  readonly body?: unknown
  /** What a caller gets who is let in. */
  readonly ok: number
  /** Whether it takes its body whatever the content type says, as long as a token tells who sends it. */
  readonly anyType?: boolean
}

const READERS = ['viewer', 'operator', 'approver'] as const
const OPERATORS = ['operator', 'approver'] as const
const TARGET = { kind: 'Deployment', namespace: 'shop', name: 'api' }

/** Every route that Astern answers. A route that is not here fails the test. */
const ROUTES: readonly Route[] = [
  { route: 'POST /webhooks/alertmanager', roles: ['webhook'], body: payload([firing()]), ok: 202, anyType: true },
  { route: 'POST /webhooks/slack/:channel', path: '/webhooks/slack/none', roles: 'open', body: {}, ok: 404, anyType: true },
  { route: 'POST /api/v1/runs/:id/hand-over', path: '/api/v1/runs/none/hand-over', roles: OPERATORS, body: {}, ok: 404 },
  { route: 'POST /api/v1/dry-runs', roles: OPERATORS, body: { policy: 'undo', target: TARGET }, ok: 200 },
  { route: 'POST /api/v1/runs', roles: OPERATORS, body: { policy: 'undo', target: TARGET }, ok: 202 },
  { route: 'GET /api/v1/runs', roles: READERS, ok: 200 },
  { route: 'GET /api/v1/runs/:id', path: '/api/v1/runs/none', roles: READERS, ok: 404 },
  { route: 'GET /api/v1/audit', path: '/api/v1/audit?limit=1', roles: READERS, ok: 200 },
  { route: 'POST /api/v1/deployments', roles: ['deployer', ...OPERATORS], body: { target: TARGET, version: 'v1', id: '1' }, ok: 201 },
  { route: 'POST /api/v1/guards', roles: ['deployer', ...OPERATORS], body: { target: TARGET }, ok: 200 },
  { route: 'GET /api/v1/guards', roles: READERS, ok: 200 },
  { route: 'GET /api/v1/guards/:id', path: '/api/v1/guards/g-1', roles: ['deployer', ...READERS], ok: 200 },
  { route: 'DELETE /api/v1/guards/:id', path: '/api/v1/guards/g-1', roles: ['deployer', ...OPERATORS], ok: 200 },
  { route: 'GET /api/v1/switch', roles: READERS, ok: 200 },
  { route: 'PUT /api/v1/switch', roles: OPERATORS, body: { mode: 'auto', reason: 'test' }, ok: 200 },
  { route: 'GET /api/v1/policies', roles: READERS, ok: 200 },
  { route: 'POST /api/v1/policies/explain', roles: READERS, body: { labels: { alertname: 'A' } }, ok: 200 },
  { route: 'POST /-/reload', roles: OPERATORS, ok: 200 },
  { route: 'POST /-/reload', roles: OPERATORS, body: {}, ok: 200 },
  { route: 'GET /api/v1/status', roles: READERS, ok: 200 },
  { route: 'GET /healthz', roles: 'open', ok: 200 },
  { route: 'GET /readyz', roles: 'open', ok: 200 },
  { route: 'GET /metrics', roles: 'open', ok: 200 },
  { route: 'GET /openapi.json', roles: 'open', ok: 200 }
]

const JSON_TYPES = ['application/json', 'Application/JSON; charset=utf-8'] as const
const FOREIGN_TYPES = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp'] as const
const TYPES = [...JSON_TYPES, ...FOREIGN_TYPES, undefined]

/** Starts the app and collects its routes while it adds them. Each GET answers HEAD as well. */
async function opened(t: Test, options: Parameters<typeof open>[1]) {
  const routes = new Set<string>()
  const watch = (message: unknown): void => {
    const { fastify } = message as {
      fastify: { addHook(name: 'onRoute', hook: (route: { method: string | string[]; url: string }) => void): void }
    }
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) routes.add(`${one} ${url}`)
    })
  }
  subscribe('fastify.initialization', watch)
  const fixture = await open(t, options)
  unsubscribe('fastify.initialization', watch)
  const call = rawClient(t, fixture.app.address)
  return { ...fixture, routes, send: call, port: new URL(fixture.app.address).port }
}

/** Guards of which one watches already. */
async function watching() {
  const deployGuards = scriptedGuards()
  await deployGuards.start(REQUEST, AbortSignal.timeout(1_000))
  return deployGuards
}

function methodAndPath({ route, path }: Route): { readonly method: string; readonly path: string } {
  const [method = '', url = ''] = route.split(' ')
  return { method, path: path ?? url }
}

const known = [...new Set(ROUTES.map(({ route }) => route))]
const withHeads = [...known, ...known.filter(route => route.startsWith('GET ')).map(route => route.replace('GET', 'HEAD'))]

interface Header {
  readonly value: string | undefined
  readonly good: boolean
}

t.test('routes × roles × Host × Origin × content type: who is let in', async t => {
  const withTokens = await opened(t, { deployGuards: await watching() })
  const tokenless = await opened(t, { tokenless: true, deployGuards: await watching(), allowHost: ['astern.internal', 'localhost:9'] })
  for (const { routes } of [withTokens, tokenless]) t.same([...routes].sort(), [...withHeads].sort(), 'the table has every route')

  let calls = 0
  const wrong: string[] = []
  const asked: Promise<void>[] = []
  const judge = async (cell: string, asking: Promise<RawAnswer>, expected: readonly number[]): Promise<void> => {
    calls += 1
    const answer = await asking
    if (!expected.includes(answer.status))
      wrong.push(`${cell}: ${answer.status}, and not ${expected.join(' or ')}: ${answer.text.slice(0, 200)}`)
  }

  // With tokens: the role decides, whatever name a proxy called Astern by.
  const callers = [...ROLES, 'nobody', 'stranger'] as const
  for (const route of ROUTES) {
    const { method, path } = methodAndPath(route)
    for (const caller of callers)
      for (const host of [`127.0.0.1:${withTokens.port}`, 'astern.example'])
        for (const origin of [undefined, 'https://evil.example'])
          for (const type of route.body === undefined ? [undefined] : TYPES) {
            const token = caller === 'nobody' ? undefined : caller === 'stranger' ? 'wrong' : TOKENS[caller]
            const answer = withTokens.send({
              method,
              path,
              headers: {
                host,
                ...(origin === undefined ? {} : { origin }),
                ...(type === undefined ? {} : { 'content-type': type }),
                ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
              },
              ...(route.body === undefined ? {} : { body: JSON.stringify(route.body) })
            })
            const readable = route.body === undefined || route.anyType === true || JSON_TYPES.some(json => json === type)
            const letIn = readable ? [route.ok] : [415]
            const expected =
              route.roles === 'open'
                ? letIn
                : caller === 'nobody' || caller === 'stranger'
                  ? // Who fails again and again is told to wait; a sender of alerts never is.
                    path.startsWith('/webhooks/')
                    ? [401]
                    : [401, 429]
                  : route.roles.includes(caller)
                    ? letIn
                    : [403]
            asked.push(judge(`${route.route} as ${caller}, Host ${host}, Origin ${origin}, ${type}`, answer, expected))
          }
  }

  await Promise.all(asked)

  // Without: only programs of this machine, and pages of Astern itself.
  const { port } = tokenless
  const own = `127.0.0.1:${port}`
  const hosts: readonly Header[] = [
    ...[own, `localhost:${port}`, `LocalHost:${port}`, `[::1]:${port}`, `127.0.0.2:${port}`, 'astern.internal', 'localhost:9'].map(good),
    ...[
      'evil.example',
      `evil.example:${port}`,
      `localhost.evil.example:${port}`,
      `127.0.0.1.evil.example:${port}`,
      `evil.localhost:${port}`,
      `localhost.:${port}`,
      `127.1:${port}`,
      `0.0.0.0:${port}`,
      `[::]:${port}`,
      `[::ffff:127.0.0.1]:${port}`,
      `user@127.0.0.1:${port}`,
      `127.0.0.1:${port}, evil.example`,
      `127.0.0.1:${Number(port) + 1}`,
      `127.0.0.1:0${port}`,
      'localhost',
      'astern.internal:9'
    ].map(bad)
  ]
  for (const route of [...ROUTES, { route: 'OPTIONS /api/v1/switch', roles: 'open', ok: 404 } satisfies Route]) {
    const { method, path } = methodAndPath(route)
    const writes = method !== 'GET'
    for (const host of hosts) {
      const origins: readonly Header[] = [
        good(undefined),
        good(`http://${host.value?.toLowerCase()}`),
        ...[
          'null',
          'http://evil.example',
          `https://${own}`,
          `http://${own}.evil.example`,
          'http://127.0.0.1',
          `http://localhost:${Number(port) + 1}`
        ].map(bad)
      ]
      // A host that is wrong is refused before anything else is looked at.
      for (const origin of host.good ? origins : origins.slice(0, 3))
        for (const site of host.value === own ? SITES : SITES.slice(0, 1))
          for (const type of host.value === own ? typesOf(route) : typesOf(route).slice(0, 1)) {
            const answer = tokenless.send({
              method,
              path,
              headers: {
                host: host.value ?? '',
                ...(origin.value === undefined ? {} : { origin: origin.value }),
                ...(site === undefined ? {} : { 'sec-fetch-site': site }),
                ...(type === undefined ? {} : { 'content-type': type })
              },
              ...(route.body === undefined ? {} : { body: JSON.stringify(route.body) })
            })
            const foreignSite = site !== undefined && site !== 'same-origin' && !(site === 'none' && method === 'GET')
            const typed = !writes || JSON_TYPES.some(json => json === type) || (type === undefined && route.body === undefined)
            const expected = !host.good ? 421 : !origin.good || foreignSite ? 403 : !typed ? 415 : route.ok
            asked.push(
              judge(`${route.route}, Host ${host.value}, Origin ${origin.value}, Sec-Fetch-Site ${site}, ${type}`, answer, [expected])
            )
          }
    }
  }
  await Promise.all(asked)
  t.same(wrong.slice(0, 10), [])
  t.ok(calls > 5_000, `${calls} calls`)
})

const SITES = [undefined, 'same-origin', 'none', 'same-site', 'cross-site', 'same-origin, cross-site'] as const

/** Without a body there is nothing that a type could tell; but a page that posts an empty form names one. */
function typesOf({ route, body }: Route): readonly (string | undefined)[] {
  if (body !== undefined) return TYPES
  return route.startsWith('GET ') ? [undefined] : [undefined, ...FOREIGN_TYPES]
}

function good(value: string | undefined): Header {
  return { value, good: true }
}

function bad(value: string): Header {
  return { value, good: false }
}
