import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { AUDIT_KINDS, auditText } from '../../../src/domain/audit.ts'
import { audited } from '../../../src/domain/audited.ts'
import { AUDIT_EXAMPLES } from '../../support/audit-examples.ts'
import { NOON } from '../../support/workloads.ts'

t.test('every kind has a maker, and no maker makes another kind', async t => {
  t.same(Object.keys(AUDIT_EXAMPLES).sort(), [...AUDIT_KINDS].sort())
  const named = (kind: string): string => kind.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  t.same(Object.keys(audited).sort(), AUDIT_KINDS.map(named).sort())
  for (const [kind, facts] of Object.entries(AUDIT_EXAMPLES)) {
    t.ok(facts.length > 0, kind)
    for (const fact of facts) t.equal(fact.kind, kind)
  }
})

t.test('no other place makes one', async t => {
  const literal = new RegExp(`kind: '(${AUDIT_KINDS.join('|')})'[^}]{0,200}\\bbody(:|,| })`, 's')
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  t.ok(files.length > 100)
  t.same(
    files.filter(name => literal.test(readFileSync(join('src', name), 'utf8'))),
    []
  )
  t.match("{ at: now, kind: 'storm', body: {} }", literal)
})

t.test('the stored text is what earlier versions stored of the same: hashes and exports go on', async t => {
  const told = (kind: keyof typeof AUDIT_EXAMPLES, index = 0): string => {
    const fact = AUDIT_EXAMPLES[kind][index]
    return fact === undefined ? '' : auditText(fact)
  }
  t.equal(
    told('decision'),
    `{"at":${NOON},"body":{"action":"rollout-undo","change":{"at":${NOON - 60_000},"by":"watch","kind":"known"},` +
      `"markers":[{"at":${NOON},"author":"ann","by":"ci","commit":"abc","id":"m1","url":"https://ci.example/7","version":"v7"}],` +
      '"passed":[{"action":"circuit-breaker-reset","step":0,"why":"it is closed"}],' +
      '"plan":{"candidates":[{"images":"app:v1","revision":1}],"hash":"hash-of-it","reverse":"kubectl rollout undo",' +
      '"summary":"put revision 1 back","toRevision":1,"write":{"kind":"json-patch",' +
      '"operations":[{"op":"replace","path":"/spec/template"}],"path":"/apis/apps/v1/namespaces/shop/deployments/api"}},' +
      '"release":{"name":"api","namespace":"shop","unseen":"no right to"},"releaseChange":{"kind":"unknown","why":"it cannot be seen"},' +
      `"samples":[${sample},${sample}],"serverDryRun":"accepted","stages":[{"ms":12,"stage":"resolve"}],"step":0,` +
      `"symptom":{"measuredAt":${NOON},"orBefore":false,"queries":["error ratio"],"resolution":36000,"since":${NOON - 60_000}},"verdict":"act"},"incidentId":"in1","kind":"decision","runId":"r1"}`
  )
  t.equal(
    told('write', 1),
    `{"at":${NOON},"body":{"action":"rollout-undo","detail":"sent twice","from":"bad","intent":"i1","plan":"hash-of-it",` +
      '"result":"unknown","reverse":"kubectl rollout undo","target":{"kind":"Deployment","name":"api","namespace":"shop"}},' +
      '"incidentId":"in1","kind":"write","runId":"r1"}'
  )
  t.equal(
    told('concluded', 2),
    `{"at":${NOON},"body":{"detail":"f","outcome":"dry-run","reason":"frozen","wrote":false},"kind":"concluded","runId":"r2"}`
  )
  t.equal(
    told('next-step', 1),
    `{"at":${NOON},"body":{"from":"circuit-breaker-reset","step":0,"why":"done"},"incidentId":"in1","kind":"next-step","runId":"r1"}`
  )
  t.equal(told('delivery-failed').includes('"runId"'), false, 'a message that is about no run')
})

const sample =
  `{"queries":[{"promql":"a / b","query":"error ratio","time":${NOON},"tookMs":3,"traffic":20,"value":0.4,"verdict":"fail"}],` +
  `"time":${NOON},"verdict":"fail"}`
