import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { ACTIONS } from '../../../src/actions/registry.ts'
import { HOUR, SECOND } from '../../../src/base/clock.ts'
import { isObject } from '../../../src/base/json.ts'
import { hashPlan, type Plan, type PlanDraft } from '../../../src/domain/plan.ts'
import { storyPlans } from '../../support/story-plans.ts'
import { intentOf, NOON } from '../../support/workloads.ts'

/** What people read of a plan. Everything else is executed, or decides about it. */
const WORDS: readonly string[] = ['summary', 'reverse', 'facts', 'loan.summary']

/** A plan without what people read of it, and without its hash. */
function executable(plan: PlanDraft): unknown {
  return JSON.parse(
    JSON.stringify({
      ...plan,
      summary: undefined,
      reverse: undefined,
      facts: undefined,
      hash: undefined,
      ...(plan.loan === undefined ? {} : { loan: { ...plan.loan, summary: undefined } })
    })
  )
}

/** Every value in the plan that has no parts, with its path: `write.operations.0.path`. */
function leavesOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  const keys = Array.isArray(value) ? [...value.keys()].map(String) : isObject(value) ? Object.keys(value) : []
  if (keys.length === 0) return [path]
  return keys.flatMap(key => leavesOf(partOf(value, key), [...path, key]))
}

function partOf(value: unknown, key: string): unknown {
  return Array.isArray(value) ? value[Number(key)] : isObject(value) ? value[key] : undefined
}

/** The plan with one value changed, and all others as they are. */
function changed(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return other(value)
  const part = changed(partOf(value, key), rest)
  return Array.isArray(value) ? value.with(Number(key), part) : { ...(isObject(value) ? value : {}), [key]: part }
}

function other(value: unknown): unknown {
  if (typeof value === 'string') return `${value}'`
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  return Array.isArray(value) ? ['one more'] : 'something'
}

const isWord = (path: readonly string[]): boolean => WORDS.some(word => path.join('.') === word || path.join('.').startsWith(`${word}.`))

t.test('every action makes a plan here', async t => {
  const made = new Set((await storyPlans(NOON)).map(({ plan }) => plan.action))
  t.same([...made].sort(), ACTIONS.map(({ name }) => name).sort())
})

t.test('each value that is executed, changed alone, changes the hash; no word for people does', async t => {
  for (const { plan } of await storyPlans(NOON)) {
    const { hash, ...draft } = plan
    const hashWith = (path: readonly string[]): string => hashPlan(changed(draft, path) as PlanDraft).hash
    const leaves = leavesOf(draft)
    for (const path of leaves) t.equal(hashWith(path) === hash, isWord(path), `${plan.action}: ${path.join('.')}`)
    t.ok(leaves.some(isWord))
    for (const key of ['to', 'makes', 'loan'] as const) {
      const { [key]: dropped, ...without } = draft
      if (dropped !== undefined) t.not(hashPlan(without).hash, hash, `${plan.action} without ${key}`)
    }
    t.equal(hashPlan(JSON.parse(JSON.stringify(draft)) as PlanDraft).hash, hash, `${plan.action}, as the ledger has it`)
  }
})

t.test('what decides is in the write and not in the facts: a protocol, a floor, a timeout', async t => {
  const paths = (await storyPlans(NOON)).flatMap(({ plan }) => leavesOf(plan).map(path => `${plan.action}: ${path.join('.')}`))
  for (const path of [
    'circuit-breaker-reset: write.protocol.closed',
    'scale: write.from',
    'scale: write.replicas',
    'scale: write.autoscaler',
    'scale: loan.write.floor',
    'helm-rollback: write.timeoutMs',
    'delete-pod: write.pods.0.uid',
    'rollout-restart: write.operations.1.path'
  ])
    t.ok(paths.includes(path), path)
})

t.test('two plans with equal hash do the same, and two that do the same have equal hash', async t => {
  const plans = (await storyPlans(NOON)).map(({ plan }) => plan)
  const loans = plans.flatMap(({ loan }) => (loan === undefined ? [] : [loan]))
  const draft: fc.Arbitrary<PlanDraft> = fc.record(
    {
      action: fc.constantFrom(...plans.map(({ action }) => action)),
      target: fc.constantFrom(...plans.map(({ target }) => target)),
      uid: fc.constantFrom('a', 'b'),
      write: fc.constantFrom(...plans.map(({ write }) => write)),
      from: fc.constantFrom('a', 'b'),
      to: fc.constantFrom('a', 'b'),
      makes: fc.constantFrom('a', 'b'),
      bad: fc.subarray(['a', 'b']),
      loan: fc
        .record({ loan: fc.constantFrom(...loans), summary: fc.string(), after: fc.constantFrom(1, 2), atMost: fc.constantFrom(1, 2) })
        .map(({ loan, ...more }) => ({ ...loan, ...more })),
      summary: fc.string(),
      reverse: fc.string(),
      facts: fc.dictionary(fc.string(), fc.string())
    },
    { requiredKeys: ['action', 'target', 'uid', 'write', 'from', 'bad', 'summary', 'reverse', 'facts'] }
  )
  const keys = fc.subarray(
    ['action', 'target', 'uid', 'write', 'from', 'to', 'makes', 'bad', 'loan', 'summary', 'reverse', 'facts'] as const,
    {
      maxLength: 3
    }
  )
  let equal = 0
  fc.assert(
    fc.property(draft, draft, keys, (one, donor, replaced) => {
      // Two that differ in little: what would be overlooked is one field among many.
      const second: PlanDraft = { ...one, ...Object.fromEntries(replaced.flatMap(key => (key in donor ? [[key, donor[key]]] : []))) }
      const same = isDeepStrictEqual(executable(one), executable(second))
      if (same) equal += 1
      return (hashPlan(one).hash === hashPlan(second).hash) === same
    }),
    { numRuns: 2_000 }
  )
  t.ok(equal > 100 && equal < 1_900, `${equal} of 2000 pairs did the same`)
})

t.test('an unchanged workload has the same plan at any time, and carrying it out sends the same', async t => {
  const [early, late] = await Promise.all([storyPlans(NOON), storyPlans(NOON + HOUR + SECOND)])
  for (const [index, { plan, send }] of early.entries()) {
    const again = late[index]
    if (again === undefined) throw new Error('a plan is missing')
    t.equal(again.plan.hash, plan.hash, `${plan.action}: the hash`)
    t.same(executable(again.plan), executable(plan), `${plan.action}: what is executed`)
    const sent = await send(intentOf(plan, 'i'))
    t.ok(sent.length > 0, `${plan.action} sends something`)
    const wordless: Plan = { ...again.plan, summary: '', reverse: '', facts: {} }
    t.same(await again.send(intentOf(wordless, 'i')), sent, `${plan.action}: to the byte, and by no word for people`)
  }
})

t.test('a restart says when its intent was made: sent once more after a crash it is the same restart', async t => {
  const restartAt = async (createdAt: number): Promise<{ readonly plan: Plan; readonly sent: readonly string[] }> => {
    const found = (await storyPlans(NOON)).find(({ plan }) => plan.action === 'rollout-restart')
    if (found === undefined) throw new Error('nothing restarts')
    return { plan: found.plan, sent: await found.send(intentOf(found.plan, 'i', createdAt)) }
  }
  const [first, second, later] = await Promise.all([restartAt(NOON), restartAt(NOON), restartAt(NOON + 1)])
  t.notMatch(JSON.stringify(first.plan.write), /2026-/, 'the plan says no time')
  t.match(first.sent[0], /"astern\.dev\/restartedAt":"2026-11-21T12:00:00\.000Z"/)
  t.same(second.sent, first.sent)
  t.match(later.sent[0], /"astern\.dev\/restartedAt":"2026-11-21T12:00:00\.001Z"/)
  t.equal(later.plan.hash, first.plan.hash)
})
