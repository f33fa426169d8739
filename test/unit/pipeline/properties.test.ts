import fc from 'fast-check'
import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { Plan } from '../../../src/domain/plan.ts'
import { begunAt } from '../../../src/domain/trigger.ts'
import type { Problem } from '../../../src/domain/verdict.ts'
import { openBench, policyOf } from '../../support/bench.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { SYMPTOM } from '../../support/ledger-fixture.ts'
import { openLedger } from '../../support/open-ledger.ts'
import { NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

const PLAN: Plan = {
  action: 'rollout-undo',
  target: TARGET,
  summary: '',
  reverse: '',
  uid: 'uid-api',
  write: { kind: 'json-patch', path: '/apis/apps/v1/namespaces/shop/deployments/api', operations: [], mark: 'add' },
  from: 'a',
  to: 'b',
  bad: [],
  facts: {},
  hash: 'h'
}

t.test('budgets: whatever is asked for and when, no window ever holds more writes than its limit', async t => {
  const asked = fc.array(fc.record({ gap: fc.integer({ min: 0, max: 40 }), target: fc.constantFrom('a', 'b'), withdraw: fc.boolean() }), {
    minLength: 1,
    maxLength: 25
  })
  await fc.assert(
    fc.asyncProperty(asked, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 }), async (requests, perTarget, overall) => {
      const ledger = await openLedger(t)
      try {
        const budgets = [
          { limit: perTarget, per: 60 * MINUTE, scope: 'target' as const },
          { limit: overall, per: 30 * MINUTE, scope: 'global' as const }
        ]
        const kept: { readonly at: number; readonly target: string }[] = []
        let now = NOON
        for (const [index, request] of requests.entries()) {
          now += request.gap * MINUTE
          const target = { ...TARGET, name: request.target }
          const [answer] = await ledger.receive(deliveryOf([alertOf({ alertname: `A${index}` })], { receivedAt: now }))
          const incident = await ledger.incident(answer?.id ?? '')
          if (incident === undefined) return false
          await ledger.admit([{ incident, at: now, run: { id: `r${index}`, policy: policyOf(), ceiling: 'auto', target }, audit: [] }])
          const [claimed] = await ledger.claimDue('one', now, 60_000, 1)
          if (claimed === undefined) return false
          const stored = await ledger.claimIntent(claimed.claim, {
            id: `i${index}`,
            step: 0,
            plan: { ...PLAN, target },
            locks: [],
            budgets,
            symptom: SYMPTOM,
            now,
            audit: []
          })
          const wrote = stored.kind === 'stored' && !request.withdraw
          if (stored.kind === 'stored')
            await ledger.save(
              claimed.claim,
              {
                change: { state: wrote ? 'watching' : 'waiting', wrote },
                audit: [],
                intent: { id: `i${index}`, state: wrote ? 'applied' : 'withdrawn' }
              },
              now
            )
          await ledger.save(claimed.claim, { change: { state: 'ended', outcome: 'failed' }, audit: [], release: true }, now)
          if (wrote) kept.push({ at: now, target: request.target })
        }
        return kept.every(
          ({ at, target }) =>
            kept.filter(other => other.target === target && other.at > at - 60 * MINUTE && other.at <= at).length <= perTarget &&
            kept.filter(other => other.at > at - 30 * MINUTE && other.at <= at).length <= overall
        )
      } finally {
        await ledger.close()
      }
    }),
    { numRuns: 25 }
  )
  t.pass()
})

type Happening =
  | { readonly kind: 'value'; readonly value: number | Problem }
  | { readonly kind: 'time'; readonly seconds: number }
  | { readonly kind: 'fire' | 'resolve' | 'deploy' | 'cluster' | 'lost' | 'page' }
  | { readonly kind: 'switch'; readonly on: boolean }

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.constantFrom<number | Problem>(0.4, 0.001, 'no-data', 'unreachable').map((value): Happening => ({ kind: 'value', value })),
  fc.integer({ min: 1, max: 600 }).map((seconds): Happening => ({ kind: 'time', seconds })),
  fc
    .constantFrom('fire' as const, 'resolve' as const, 'deploy' as const, 'cluster' as const, 'lost' as const, 'page' as const)
    .map((kind): Happening => ({ kind })),
  fc.boolean().map((on): Happening => ({ kind: 'switch', on }))
)

t.test('the whole flow: whatever happens in whatever order, the promises hold', async t => {
  const policy = policyOf({
    steps: [
      { action: 'rollout-undo', with: {}, confirm: { within: 4 * MINUTE, passes: 2, every: 30_000 } },
      { action: 'rollout-restart', with: {}, confirm: { within: 4 * MINUTE, passes: 2, every: 30_000 } }
    ],
    guards: { ...policyOf().guards, cooldown: MINUTE }
  })
  let written = 0
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 3, maxLength: 20 }), async happenings => {
      const bench = await openBench(t, { policies: [policy] })
      const broken: string[] = []
      let version = 2
      const watch = (): void => {
        bench.cluster.beforeWrite = () => {
          if (bench.cluster.unreachable) broken.push('wrote to a cluster that is away')
        }
      }
      watch()
      await bench.fire()
      for (const one of happenings) {
        switch (one.kind) {
          case 'value':
            bench.value = one.value
            break
          case 'time':
            await bench.pass(one.seconds * SECOND)
            break
          case 'fire':
            await bench.fire()
            break
          case 'page':
            await bench.fire({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'api', severity: 'page' })
            break
          case 'resolve':
            await bench.resolve()
            break
          case 'deploy': {
            version += 1
            const before = bench.cluster.workloads.get('Deployment/shop/api')
            bench.cluster.put(workloadOf([...(before?.revisions ?? []), revisionOf(100 + version, `app:v${version}`, bench.clock.now())]))
            break
          }
          case 'cluster':
            bench.cluster.unreachable = !bench.cluster.unreachable
            break
          case 'lost':
            bench.cluster.answers = [{ answer: { kind: 'unknown', detail: 'timeout' }, happens: version % 2 === 0 }]
            break
          case 'switch':
            await bench.ledger.setSwitch({ mode: one.on ? 'auto' : 'off', reason: 'r', by: 'b', at: bench.clock.now() })
            break
        }
        const before = bench.cluster.writes.length
        const { mode } = await bench.ledger.switchState()
        await bench.look()
        if (mode === 'off' && bench.cluster.writes.length > before) broken.push('wrote though the switch was off')
      }
      bench.cluster.unreachable = false
      await bench.pass(60 * MINUTE)

      const rows = await bench.audit()
      const { items: runs } = await bench.ledger.runs({}, undefined, 100)
      const intents = rows.filter(row => row.kind === 'intent')
      const sent = new Map<string, number>()
      for (const plan of bench.cluster.writes) sent.set(plan.hash, (sent.get(plan.hash) ?? 0) + 1)
      if ([...sent.keys()].some(hash => !intents.some(row => row.body.plan === hash))) broken.push('a write without an intent')
      if (runs.some(run => run.state !== 'ended')) broken.push('a run that never ended')
      for (const run of runs) {
        const applied = rows.filter(
          row => row.kind === 'write' && row.runId === run.id && (row.body.result === 'answered' || row.body.result === 'observed')
        )
        if (applied.length > policy.steps.length) broken.push('more writes than rungs')
        const told = rows.find(row => row.kind === 'told' && row.runId === run.id)
        if (told !== undefined && applied.some(row => row.seq > told.seq)) broken.push('a write after people were told')
        if (applied.some(row => row.at >= begunAt(run.trigger) + policy.escalate.after)) broken.push('a write after the time was up')
      }
      const undone = new Set<unknown>()
      for (const row of rows) {
        if (row.kind !== 'write' || row.body.action !== 'rollout-undo') continue
        if (undone.has(row.body.to)) broken.push('back to what was undone')
        undone.add(row.body.from)
      }
      if (bench.cluster.writes.some(plan => plan.write.operations.filter(operation => operation.op === 'test').length < 2))
        broken.push('a write without preconditions')
      written += bench.cluster.writes.length
      if (broken.length > 0) t.comment(broken.join(', '))
      return broken.length === 0
    }),
    { numRuns: 60 }
  )
  t.ok(written > 20, `histories in which nothing is written would prove nothing; ${written} writes were made`)
})
