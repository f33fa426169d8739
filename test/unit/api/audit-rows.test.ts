import t from 'tap'
import { Check } from 'typebox/value'
import { RunSchema } from '../../../src/api/answers.ts'
import { AuditViewSchema, auditView, parseAuditView } from '../../../src/api/audit-view.ts'
import { listAt, objectAt } from '../../../src/base/json.ts'
import { AUDIT_KINDS, type AuditRow } from '../../../src/domain/audit.ts'
import { AUDIT_EXAMPLES } from '../../support/audit-examples.ts'
import { openBench } from '../../support/bench.ts'
import { open } from '../../support/server-fixture.ts'
import { badRollout, TARGET } from '../../support/workloads.ts'

/** All of a row, as the API has always told it. */
const expected = ({ body, at, runId, incidentId, ...row }: AuditRow): unknown =>
  JSON.parse(JSON.stringify({ at: new Date(at).toISOString(), run: runId, incident: incidentId, ...row, ...body }))

t.test('what is in the ledger’s row is what the API tells, for every kind; and as its schema says', async t => {
  const { app, call } = await open(t)
  for (const kind of AUDIT_KINDS) await app.ledger.append(AUDIT_EXAMPLES[kind])
  const rows = await app.ledger.audit({}, 1_000)
  t.same([...new Set(rows.map(row => row.kind))].sort(), [...AUDIT_KINDS].sort())

  const paged = listAt((await call('GET', '/api/v1/audit?limit=999')).body, 'items')
  t.strictSame(paged, rows.map(expected))
  const lines = (await call('GET', '/api/v1/audit', { headers: { accept: 'application/x-ndjson' } })).text.trim().split('\n')
  t.strictSame(
    lines.map(line => JSON.parse(line)),
    rows.map(expected)
  )
  for (const row of paged) t.strictSame(parseAuditView(row), row, JSON.stringify(row).slice(0, 100))
})

t.test('one run with its timeline: nothing of a row is left out', async t => {
  const { app, call } = await open(t)
  const { body } = await call('POST', '/api/v1/dry-runs', { body: { policy: 'undo', target: TARGET } })
  const run = String(body['id'])
  const facts = AUDIT_EXAMPLES.decision.map(fact => ({ ...fact, runId: run }))
  await app.ledger.append(facts)
  const rows = await app.ledger.audit({ runId: run }, 1_000)
  const told = (await call('GET', `/api/v1/runs/${run}`)).body
  t.strictSame(listAt(told, 'timeline'), rows.map(expected))
  t.ok(Check(RunSchema, told))
  for (const item of listAt((await call('GET', '/api/v1/runs')).body, 'items')) t.ok(Check(RunSchema, item))
})

t.test('a row that is not as this version knows its kind is none that it parses', async t => {
  const [fact] = AUDIT_EXAMPLES.told
  t.ok(fact)
  const row = JSON.parse(JSON.stringify(auditView({ ...fact, seq: 1, hash: 'h', previous: 'p' } as AuditRow))) as Record<string, unknown>
  t.ok(parseAuditView({ ...row, more: 'a newer server tells more' }))
  t.equal(parseAuditView({ ...row, kind: 'yawned' }), undefined)
  t.equal(parseAuditView({ ...row, channels: 'people' }), undefined)
  t.equal(parseAuditView('told'), undefined)
})

t.test('what runs write is as the schemas say', async t => {
  const acts = await openBench(t)
  await acts.fire()
  await acts.pass(5 * 60_000)
  acts.value = 0.001
  await acts.pass(30 * 60_000)
  const owned = await openBench(t)
  owned.cluster.owned = [{ kind: 'Application', name: 'argocd/shop', enforces: 'yes', detail: 'automated sync' }]
  await owned.fire()
  await owned.look()
  const storm = await openBench(t)
  for (let index = 0; index < 6; index += 1) {
    storm.cluster.put({ ...badRollout(), ref: { ...TARGET, name: `api-${index}` }, uid: `uid-${index}` })
    await storm.fire({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: `api-${index}` })
  }
  await storm.look()
  for (const bench of [acts, owned, storm]) {
    const rows = await bench.audit()
    t.ok(rows.length > 3)
    for (const row of rows) {
      const told: unknown = JSON.parse(JSON.stringify(auditView(row)))
      t.strictSame(parseAuditView(told), told, JSON.stringify(told).slice(0, 200))
    }
  }
})

t.test('OpenAPI tells every kind', async t => {
  const { call } = await open(t)
  const { body } = await call('GET', '/openapi.json', { as: 'nobody' })
  const told = listAt(body, 'components', 'schemas', 'AuditRow', 'anyOf')
  t.equal(told.length, AuditViewSchema.anyOf.length)
  const kinds = told.flatMap(schema => listAt(schema, 'properties', 'kind', 'enum'))
  t.same([...new Set(kinds)].sort(), [...AUDIT_KINDS].sort())
  for (const path of ['/api/v1/runs', '/api/v1/runs/{id}', '/api/v1/audit'])
    t.match(JSON.stringify(objectAt(body, 'paths', path, 'get', 'responses', '200')), /#\/components\/schemas\/(Run|AuditRow)"/, path)
})
