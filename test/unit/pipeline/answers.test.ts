import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { type JsonObject, objectAt } from '../../../src/base/json.ts'
import { templateIdentity } from '../../../src/domain/workload.ts'
import { openBench, policyOf } from '../../support/bench.ts'
import { NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

/** A policy that adds an annotation to every template that is written. */
function annotated(template: JsonObject): JsonObject {
  const metadata = objectAt(template, 'metadata')
  return { ...template, metadata: { ...metadata, annotations: { ...objectAt(metadata, 'annotations'), 'policy.example/seen': 'yes' } } }
}

t.test('what the server made of a write is what was written', async t => {
  const bench = await openBench(t)
  bench.cluster.mutates = annotated
  await bench.fire()
  await bench.look()
  bench.value = 0.001
  await bench.pass(10 * MINUTE)

  const run = await bench.run()
  t.equal(run.outcome, 'recovered', { run })
  const made = bench.cluster.workloads.get('Deployment/shop/api')?.identity ?? ''
  t.not(made, templateIdentity(revisionOf(1, 'app:v1', NOON).template))
  const { ownWrites } = await bench.ledger.targetFacts(TARGET, [], run.id, bench.clock.now())
  t.ok(ownWrites.includes(made), 'a later rung knows it as its own')
})

t.test('the same where the answer never came: the mark and the field managers tell whose template it is', async t => {
  const lost = { answer: { kind: 'unknown' as const, detail: 'timeout' }, happens: true }
  const bench = await openBench(t)
  bench.cluster.mutates = annotated
  bench.cluster.answers = [lost]
  await bench.fire()
  await bench.pass(30 * SECOND)
  t.equal((await bench.run()).state, 'watching')
  bench.value = 0.001
  await bench.pass(10 * MINUTE)
  t.equal((await bench.run()).outcome, 'recovered')
  t.equal(bench.cluster.writes.length, 1)

  const other = await openBench(t)
  other.cluster.answers = [lost]
  await other.fire()
  await other.look()
  // Somebody deploys right after the write, and leaves its mark.
  const after = other.cluster.workloads.get('Deployment/shop/api')
  if (after === undefined) throw new Error('no workload')
  const forward = workloadOf([revisionOf(9, 'app:v9', other.clock.now())])
  const writers = [...(after.templateWriters ?? []), { manager: 'ci', index: 2, at: other.clock.now() + SECOND }]
  other.cluster.put({ ...forward, templateAt: after.templateAt, templateWriters: writers })
  await other.pass(30 * SECOND)
  t.equal((await other.run()).outcome, 'unknown')
  t.equal(other.cluster.writes.length, 1)
})

t.test('a denial: people at once, with the policy’s own words', async t => {
  const bench = await openBench(t)
  const detail = `ValidatingAdmissionPolicy 'old' with binding 'old' denied request: no v1 here`
  bench.cluster.answers = [{ answer: { kind: 'forbidden', detail }, happens: false }]
  await bench.fire()
  await bench.look()

  const run = await bench.run()
  t.same([run.outcome, run.reason, run.detail], ['denied', 'forbidden', detail])
  t.equal((await bench.messages()).length, 1)
})

t.test('what would result is not valid: the target is read again, and then it is a denial, or somebody’s change', async t => {
  const rejected = { answer: { kind: 'rejected' as const, detail: 'spec.selector: field is immutable' }, happens: false }
  const bench = await openBench(t)
  bench.cluster.answers = [rejected]
  await bench.fire()
  await bench.look()
  const run = await bench.run()
  t.same([run.outcome, run.reason], ['denied', 'forbidden'])
  t.match(run.detail, /immutable/)
  t.equal(bench.cluster.writes.length, 1, 'it is not planned again')

  const other = await openBench(t)
  other.cluster.answers = [rejected]
  other.cluster.beforeWrite = () => other.cluster.put(workloadOf([revisionOf(3, 'app:v3', NOON)]))
  await other.fire()
  await other.look()
  t.equal((await other.run()).reason, 'changed-since-symptom')
})

t.test('too large says so, and is not sent again', async t => {
  const bench = await openBench(t)
  bench.cluster.answers = [{ answer: { kind: 'too-large', detail: '500: etcdserver: request is too large' }, happens: false }]
  await bench.fire()
  await bench.pass(MINUTE)

  const run = await bench.run()
  t.same([run.outcome, run.reason], ['denied', 'too-large'])
  t.equal(bench.cluster.writes.length, 1)
})

t.test('come back later: the write waits as long as the server says, and not for good', async t => {
  const busy = { kind: 'not-now' as const, reason: 'cluster-busy' as const, detail: '429: too many requests', retryAfterMs: 90 * SECOND }
  const bench = await openBench(t, { policies: [policyOf({ recheck: 10 * SECOND })] })
  bench.cluster.answers = [{ answer: busy, happens: false }]
  await bench.fire()
  await bench.look()
  const waiting = await bench.run()
  t.same([waiting.state, waiting.reason], ['waiting', 'cluster-busy'])
  t.equal(waiting.nextAt, bench.clock.now() + 90 * SECOND, 'not after the policy’s recheck of 10 s')
  await bench.pass(89 * SECOND)
  t.equal(bench.cluster.writes.length, 1)
  await bench.pass(2 * SECOND)
  t.equal(bench.cluster.writes.length, 2)
  t.equal((await bench.run()).state, 'watching')

  const other = await openBench(t)
  other.cluster.answers = Array.from({ length: 99 }, () => ({
    answer: { kind: 'not-now' as const, reason: 'webhook-unreachable' as const, detail: '500: failed calling webhook' },
    happens: false
  }))
  await other.fire()
  await other.pass(21 * MINUTE)
  const run = await other.run()
  t.same([run.outcome, run.reason], ['timed-out', 'webhook-unreachable'])
})
