import t from 'tap'
import { Check } from 'typebox/value'
import { GuardSchema } from '../../../src/api/guard-view.ts'
import { at, listAt } from '../../../src/base/json.ts'
import type { StartedGuard } from '../../../src/domain/ports/deploy-guards.ts'
import { BEGUN, begun, ENDS, REQUEST, SAID, VERSION, WATCHING } from '../../support/guard-examples.ts'
import { scriptedGuards } from '../../support/scripted-guards.ts'
import { open } from '../../support/server-fixture.ts'

const TARGET = { kind: 'Deployment', namespace: 'shop', name: 'api' }
const START = AbortSignal.timeout(60_000)

t.test('a guard is started once: asked for again it is attached to, and every option arrives as the judge counts it', async t => {
  const deployGuards = scriptedGuards()
  const { call } = await open(t, { deployGuards })
  const body = {
    target: TARGET,
    for: '1m30s',
    timeout: '15m',
    warmUp: '30s',
    baseline: 'concurrent-and-before',
    tolerate: 'x1.5 + 0.1pp',
    objective: '0.1%',
    metrics: ['http-error-ratio', 'http-latency'],
    revision: 12,
    image: 'registry.example/api@sha256:0123',
    onFail: 'report',
    dryRun: true,
    pods: 'proxy',
    change: { commit: 'abc', author: 'ann', url: 'https://ci.example/1' }
  }

  const first = await call('POST', '/api/v1/guards', { as: 'deployer', body })
  const again = await call('POST', '/api/v1/guards', { as: 'operator', body })

  t.equal(first.status, 201, first.text)
  t.equal(again.status, 200)
  t.equal(first.body['id'], again.body['id'])
  t.strictSame(deployGuards.requests[0], {
    target: TARGET,
    by: 'the-deployer',
    options: {
      soak: 90_000,
      timeout: 900_000,
      warmUp: 30_000,
      baseline: 'concurrent-and-before',
      tolerated: { ratio: 1.5, add: 0.001 },
      objective: 0.001,
      metrics: ['http-error-ratio', 'http-latency'],
      revision: 12,
      image: 'registry.example/api@sha256:0123',
      onFail: 'report',
      dryRun: true,
      pods: 'proxy'
    },
    change: { commit: 'abc', author: 'ann', url: 'https://ci.example/1' }
  })
  t.strictSame(at(first.body, 'options'), {
    for: '1m30s',
    timeout: '15m',
    warmUp: '30s',
    tolerate: 'x1.5 + 0.1pp',
    objective: '0.1%',
    metrics: ['http-error-ratio', 'http-latency'],
    revision: 12,
    image: 'registry.example/api@sha256:0123',
    baseline: 'concurrent-and-before',
    onFail: 'report',
    dryRun: true,
    pods: 'proxy'
  })
})

t.test('what nobody chose is as docs/guard.md says; an objective alone is what it is compared with', async t => {
  const deployGuards = scriptedGuards()
  const { call } = await open(t, { deployGuards })
  await call('POST', '/api/v1/guards', { body: { target: TARGET } })
  await call('POST', '/api/v1/guards', { body: { target: TARGET, objective: '1%', timeout: '1m' } })
  t.strictSame(deployGuards.requests[0]?.options, REQUEST.options)
  t.match(deployGuards.requests[1]?.options, { baseline: 'objective', objective: 0.01, soak: 60_000, timeout: 60_000 })
})

t.test('a deployer starts, sees and stops guards of its own namespaces only', async t => {
  const deployGuards = scriptedGuards()
  const { call } = await open(t, { deployGuards })
  const foreign = { ...TARGET, namespace: 'bank', name: 'ledger' }

  const refused = await call('POST', '/api/v1/guards', { as: 'deployer', body: { target: foreign } })
  t.equal(refused.status, 403)
  t.match(refused.body['detail'], /the-deployer may not start guards in bank: its token names shop, team-\*/)
  t.same(deployGuards.requests, [])

  await call('POST', '/api/v1/guards', { as: 'operator', body: { target: foreign } })
  for (const method of ['GET', 'DELETE']) {
    const answer = await call(method, '/api/v1/guards/g-1', { as: 'deployer' })
    t.equal(answer.status, 403, method)
    t.notMatch(answer.text, /bank|ledger/, 'and is not told whose it is')
  }
  t.equal((await call('POST', '/api/v1/guards', { as: 'deployer', body: { target: { ...TARGET, namespace: 'team-a' } } })).status, 201)
})

t.test('the same version with other options: 409 with the names of what differs', async t => {
  const guard = begun('g-7')
  const deployGuards = scriptedGuards({ start: () => ({ kind: 'other-options', guard, differs: ['tolerate', 'for'] }) })
  const { call } = await open(t, { deployGuards })
  const { status, type, body } = await call('POST', '/api/v1/guards', { body: { target: TARGET } })
  t.equal(status, 409)
  t.match(type, /^application\/problem\+json/)
  t.match(body, { guard: 'g-7', differs: ['tolerate', 'for'], detail: /guard g-7 watches this version of Deployment\/shop\/api already/ })
})

t.test('what is not begun says why: not there 404, not allowed 403, no sense 422, cluster away 503', async t => {
  const refusals = { 'not-found': 404, 'not-allowed': 403, invalid: 422, unreachable: 503 } as const
  let answer: StartedGuard | undefined
  const { call } = await open(t, { deployGuards: scriptedGuards({ start: () => answer }) })
  for (const [why, expected] of Object.entries(refusals) as [keyof typeof refusals, number][]) {
    answer = { kind: 'refused', why, detail: `because of ${why}` }
    const { status, body } = await call('POST', '/api/v1/guards', { body: { target: TARGET } })
    t.equal(status, expected, why)
    t.equal(body['detail'], `because of ${why}`)
  }
})

t.test('a request that makes no sense never reaches the guards, PromQL least of all', async t => {
  const deployGuards = scriptedGuards()
  const { call } = await open(t, { deployGuards })
  const wrong: readonly (readonly [Readonly<Record<string, unknown>>, number, RegExp])[] = [
    [{}, 400, /target/],
    [{ target: { ...TARGET, kind: 'Rollout' } }, 400, /kind/],
    [{ target: { ...TARGET, name: '../secrets' } }, 400, /name/],
    [{ target: { ...TARGET, namespace: 'Shop' } }, 400, /namespace/],
    [{ target: TARGET, for: '5 minutes' }, 422, /for must be a duration, such as 5m or 1h30m/],
    [{ target: TARGET, for: '20m' }, 422, /for 20m is longer than the timeout/],
    [{ target: TARGET, timeout: '5h' }, 422, /timeout 5h: at most 4h/],
    [{ target: TARGET, timeout: '5ms' }, 422, /at least 1s/],
    [{ target: TARGET, warmUp: 'long' }, 422, /warmUp must be a duration/],
    [{ target: TARGET, baseline: 'yesterday' }, 400, /baseline/],
    [{ target: TARGET, baseline: 'objective' }, 422, /needs an objective/],
    [{ target: TARGET, tolerate: '20%' }, 422, /"20%" is no tolerance/],
    [{ target: TARGET, objective: '99.9%' }, 422, /an availability of 99\.9% is the objective "0\.1%"/],
    [{ target: TARGET, objective: '0' }, 422, /would be missed by one bad request/],
    [{ target: TARGET, metrics: ['sum(rate(x[5m]))'] }, 400, /metrics/],
    [{ target: TARGET, metrics: Array.from({ length: 9 }, (_, index) => `m-${index}`) }, 400, /metrics/],
    [{ target: TARGET, promql: 'up' }, 400, /additional properties/],
    [{ target: TARGET, revision: 0 }, 400, /revision/],
    [{ target: TARGET, image: 'a b' }, 400, /image/],
    [{ target: TARGET, onFail: 'shout' }, 400, /onFail/],
    [{ target: TARGET, pods: 'ssh' }, 400, /pods/],
    [{ target: TARGET, dryRun: 'yes' }, 400, /dryRun/],
    [{ target: TARGET, change: { url: 'javascript:alert(1)' } }, 422, /http or https/],
    [{ target: TARGET, change: { commit: 'x'.repeat(201) } }, 400, /commit/]
  ]
  for (const [body, expected, sentence] of wrong) {
    const answer = await call('POST', '/api/v1/guards', { body })
    t.equal(answer.status, expected, JSON.stringify(body).slice(0, 120))
    t.match(answer.body['detail'], sentence)
  }
  t.same(deployGuards.requests, [])
})

t.test('the list is newest first, and its cursor leads through all', async t => {
  const deployGuards = scriptedGuards()
  for (const name of ['a', 'b', 'c']) await deployGuards.start({ ...REQUEST, target: { ...REQUEST.target, name } }, START)
  const { call } = await open(t, { deployGuards })
  const first = await call('GET', '/api/v1/guards?limit=2', { as: 'viewer' })
  t.same(
    listAt(first.body, 'items').map(item => at(item, 'target')),
    ['Deployment/shop/c', 'Deployment/shop/b']
  )
  const rest = await call('GET', `/api/v1/guards?limit=2&cursor=${String(first.body['next'])}`, { as: 'viewer' })
  t.same(
    listAt(rest.body, 'items').map(item => at(item, 'target')),
    ['Deployment/shop/a']
  )
  t.equal(rest.body['next'], undefined)
  t.equal((await call('GET', '/api/v1/guards?limit=0')).status, 400)
})

t.test('one guard tells all of its life as its schema says, and nothing of the ledger’s own', async t => {
  const deployGuards = scriptedGuards()
  await deployGuards.start(REQUEST, START)
  const { call } = await open(t, { deployGuards })
  for (const scene of [{}, WATCHING, ...Object.values(ENDS)]) {
    deployGuards.become('g-1', scene)
    const { status, body } = await call('GET', '/api/v1/guards/g-1', { as: 'deployer' })
    t.equal(status, 200)
    t.ok(Check(GuardSchema, body), JSON.stringify(body))
  }
  deployGuards.become('g-1', { ...WATCHING, ...ENDS.failed })
  const { body } = await call('GET', '/api/v1/guards/g-1')
  t.match(body, {
    target: 'Deployment/shop/api',
    version: { revision: 12, changedAt: new Date(VERSION.changedAt).toISOString(), replaces: { revision: 11 } },
    said: SAID,
    result: 'failed',
    sentence: /was not taken back/,
    run: { reason: 'budget-used-up', sentence: /budget/i },
    endedAt: new Date(BEGUN + 45_000).toISOString()
  })
  t.equal((await call('GET', '/api/v1/guards/none')).status, 404)
})

t.test('DELETE stops it for all who wait, by name, and there is nothing to stop where there is none', async t => {
  const deployGuards = scriptedGuards()
  await deployGuards.start(REQUEST, START)
  const { call } = await open(t, { deployGuards })
  const stopped = await call('DELETE', '/api/v1/guards/g-1', { as: 'deployer' })
  t.match(stopped, { status: 200, body: { state: 'ended', result: 'stopped', detail: 'stopped by the-deployer' } })
  t.equal((await call('DELETE', '/api/v1/guards/none')).status, 404)
})

t.test('/openapi.json tells what is asked and what is answered', async t => {
  const { call } = await open(t, { deployGuards: scriptedGuards() })
  const { body } = await call('GET', '/openapi.json', { as: 'nobody' })
  t.match(at(body, 'paths', '/api/v1/guards', 'post', 'responses'), { 200: {}, 201: {} })
  t.ok(at(body, 'paths', '/api/v1/guards', 'post', 'requestBody', 'content', 'application/json', 'schema', 'properties', 'tolerate'))
  t.ok(at(body, 'components', 'schemas', 'Guard', 'properties', 'standing'))
})
