import fc from 'fast-check'
import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import { asIgnoring, factsIgnoring, namesOfPresent, withoutIgnored } from '../../../src/domain/ignored-parts.ts'
import { templateIdentity } from '../../../src/domain/workload.ts'
import { badRollout, NOON, podOf, revisionOf, workloadOf } from '../../support/workloads.ts'

const IGNORED = { annotations: ['checksum/*'], env: ['STAKATER_*'] }
const template = (annotations: JsonObject, env: JsonObject): JsonObject => ({
  metadata: { labels: { app: 'api' }, annotations },
  spec: { containers: [{ name: 'api', image: 'app:v1', env: Object.entries(env).map(([name, value]) => ({ name, value })) }] }
})
const identity = (of: JsonObject): string => templateIdentity(withoutIgnored(of, IGNORED))

t.test('whatever stands in ignored parts, the version is the same; whatever stands elsewhere makes another', async t => {
  const text = fc.string({ minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(
      fc.dictionary(text, text, { maxKeys: 3 }),
      fc.dictionary(text, text, { maxKeys: 3 }),
      text,
      text,
      (annotations, env, name, value) => {
        const plain = identity(template(annotations, env))
        const bumped = identity(template({ ...annotations, [`checksum/${name}`]: value }, { ...env, [`STAKATER_${name}`]: value }))
        const other = identity(template(annotations, { ...env, [`X_${name}`]: `${value}!` }))
        return plain === bumped && plain !== other
      }
    )
  )
  t.equal(
    identity(template({}, { STAKATER_A: 'x' })),
    identity({ metadata: { labels: { app: 'api' } }, spec: { containers: [{ name: 'api', image: 'app:v1' }] } })
  )
  t.same(withoutIgnored({}, IGNORED), { metadata: { annotations: {} }, spec: {} }, 'a template without anything')
})

t.test('pods of a revision that differs only in ignored parts are the present version’s', async t => {
  const plain = { ...revisionOf(1, 'app:v1', NOON - 60 * MINUTE), template: template({}, {}) }
  const bumped = { ...revisionOf(2, 'app:v1', NOON - MINUTE), template: template({}, { STAKATER_A: 'x' }) }
  const [one, two] = [plain, bumped].map(revision => ({ ...revision, identity: templateIdentity(revision.template) }))
  if (one === undefined || two === undefined) throw new Error('two revisions')
  const pods = [podOf('a', { of: one.name, current: false }), podOf('b', { of: two.name }), podOf('c', { current: false })]
  const seen = asIgnoring(workloadOf([one, two], { pods }), IGNORED)
  t.same(
    seen.pods.map(({ current }) => current),
    [true, true, false],
    'of the last nothing tells which revision it is of'
  )
  t.equal(new Set(seen.revisions.map(revision => revision.identity)).size, 1)
  t.same([...namesOfPresent(seen)].sort(), [seen.identity, one.identity, two.identity].sort())
  t.equal(asIgnoring(badRollout(), undefined).seenAs, undefined, 'a policy that ignores nothing sees it as it is')
})

t.test('the watch’s own times: a bump is no change, and a gap in which Astern did not watch stays one', async t => {
  const seenAs = { raw1: 'a', raw2: 'a' }
  const observed = [
    { uid: 'u', identity: 'raw1', at: 1, seen: true },
    { uid: 'u', identity: 'raw2', at: 2, seen: true },
    { uid: 'u', identity: 'raw2', at: 3, seen: false },
    { uid: 'other', identity: 'raw2', at: 4, seen: true },
    { uid: 'u', identity: 'gone', at: 5, seen: true }
  ]
  const facts = factsIgnoring(
    { bad: [{ identity: 'raw2', at: 1, runId: 'r' }], observed, incidents: [], ownWrites: ['raw1', 'shop/api@2'], passed: [], markers: [] },
    { seenAs }
  )
  t.same(
    facts.observed.map(({ identity, at }) => [identity, at]),
    [
      ['a', 1],
      ['a', 3],
      ['a', 4],
      ['gone', 5]
    ]
  )
  t.same(
    facts.bad.map(bad => bad.identity),
    ['a']
  )
  t.same(facts.ownWrites, ['a', 'shop/api@2'])
})
