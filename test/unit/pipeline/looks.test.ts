import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { PolicyStep } from '../../../src/domain/policy.ts'
import type { Rollout, Workload } from '../../../src/domain/workload.ts'
import { prepareDryRun } from '../../../src/pipeline/decide/dry-run.ts'
import { dryRun } from '../../../src/pipeline/settle/dry-run.ts'
import { type Bench, openBench, policyOf } from '../../support/bench.ts'
import { ledgerFolder } from '../../support/open-ledger.ts'
import { badRollout, NOON, podOf, TARGET } from '../../support/workloads.ts'

const MOVING: Rollout = { state: 'moving', seen: true, detail: '1 of 3 pods are updated', available: false, brokenPods: [] }

/** The new version’s pod is in back-off. */
function crashing(workload: Workload = badRollout()): Workload {
  const pod = podOf('api-2', { ready: false, waiting: 'CrashLoopBackOff', unready: [{ name: 'main', backOff: 'CrashLoopBackOff' }] })
  return { ...workload, pods: [pod], rollout: { ...MOVING, brokenPods: ['api-2: CrashLoopBackOff'] } }
}

const reasonOf = async (bench: Bench): Promise<unknown> => (await bench.run()).reason

t.test('before a write: a crash at one look is waited for and named; at a second look, 30 s later, it is undone', async t => {
  const bench = await openBench(t)
  bench.cluster.put(crashing())
  await bench.fire()
  await bench.look()
  const waiting = await bench.run()
  t.match(waiting, { reason: 'rollout-moving', detail: '1 of 3 pods are updated; api-2: CrashLoopBackOff' })
  t.equal(waiting.nextAt, NOON + 30 * SECOND)
  await bench.pass(29 * SECOND)
  t.same(bench.cluster.writes, [])
  await bench.pass(SECOND)
  t.equal(bench.cluster.writes.length, 1)
})

t.test('the first look is known to the process that makes the second', async t => {
  const folder = ledgerFolder(t)
  const before = await openBench(t, { folder })
  before.cluster.put(crashing())
  await before.fire()
  await before.look()
  t.equal(await reasonOf(before), 'rollout-moving')
  await before.ledger.close()

  const after = await openBench(t, { folder, now: NOON + 30 * SECOND })
  after.cluster.put(crashing())
  await after.look()
  t.equal(after.cluster.writes.length, 1)
})

t.test('a dry run looks too, and its look counts for whoever looks next', async t => {
  const bench = await openBench(t)
  bench.cluster.put(crashing())
  const [policy] = bench.policies
  if (policy === undefined) throw new Error('no policy')
  const asked = async () => {
    const trigger = { kind: 'request', id: 'r', by: 'ann', at: bench.clock.now(), target: TARGET } as const
    return dryRun(bench.ports, prepareDryRun(bench.ports, { policy, trigger }), AbortSignal.timeout(60_000))
  }
  t.match(await asked(), { reason: 'rollout-moving', detail: /CrashLoopBackOff/ })
  bench.clock.tick(30 * SECOND)
  t.match(await asked(), { reason: 'mode-dry-run', detail: /would put revision 1/ })
})

t.test('what holds it up is audited anew when it changes, and not at each look', async t => {
  const bench = await openBench(t)
  bench.cluster.put({ ...crashing(), pods: [], rollout: MOVING })
  await bench.fire()
  await bench.pass(2 * MINUTE)
  const held = async (): Promise<readonly unknown[]> => (await bench.audit('decision')).map(row => 'detail' in row.body && row.body.detail)
  t.same(await held(), ['1 of 3 pods are updated'])
  bench.cluster.put({ ...crashing(), pods: [], rollout: { ...MOVING, cannotCreate: 'exceeded quota: small' } })
  await bench.pass(30 * SECOND)
  t.same(await held(), ['1 of 3 pods are updated', '1 of 3 pods are updated; no pod can be made: exceeded quota: small'])
})

t.test('stuck: no write would get it going, and people are told at once', async t => {
  const bench = await openBench(t)
  bench.cluster.put({ ...badRollout(), rollout: { ...MOVING, seen: false, detail: 'the controller has not seen the newest spec yet' } })
  await bench.fire()
  await bench.pass(9 * MINUTE)
  t.equal(await reasonOf(bench), 'rollout-moving')
  await bench.pass(2 * MINUTE)
  t.match(await bench.run(), {
    outcome: 'denied',
    reason: 'rollout-stuck',
    detail: /nothing has moved since .*has not seen the newest spec/
  })
  t.same(bench.cluster.writes, [])
})

const CONFIRM = { within: 5 * MINUTE, passes: 3, every: 30 * SECOND }
const step = (action: string): PolicyStep => ({ action, with: {}, confirm: CONFIRM })
const ladder = () => ({ ...policyOf(), steps: [step('rollout-undo'), step('rollout-restart')] })

/** The undo is written, and what it rolls out is then as is said. */
async function undone(bench: Bench, then: (workload: Workload) => Workload): Promise<void> {
  const write = bench.cluster.write.bind(bench.cluster)
  Object.assign(bench.cluster, {
    write: async (...args: Parameters<typeof write>) => {
      const result = await write(...args)
      const written = bench.cluster.workloads.get('Deployment/shop/api')
      if (!args[1].dryRun && written !== undefined) bench.cluster.put(then(written))
      return result
    }
  })
  await bench.fire()
  await bench.look()
  if (bench.cluster.writes.length !== 1) throw new Error('nothing was written')
}

t.test('after a write: one crash climbs no rung, the same at a second look does', async t => {
  const bench = await openBench(t, { policies: [ladder()] })
  await undone(bench, crashing)
  await bench.pass(29 * SECOND)
  t.equal(bench.cluster.writes.length, 1, 'it may pass')
  await bench.pass(3 * SECOND)
  t.same(
    bench.cluster.writes.map(plan => plan.action),
    ['rollout-undo', 'rollout-restart']
  )
})

t.test('after a write: a crash that passes is told, and the recovery is confirmed', async t => {
  const bench = await openBench(t, { policies: [ladder()] })
  let good: Workload | undefined
  await undone(bench, written => {
    good = written
    return crashing(written)
  })
  await bench.pass(20 * SECOND)
  if (good !== undefined) bench.cluster.put(good)
  bench.value = 0.001
  await bench.pass(5 * MINUTE)
  t.equal((await bench.run()).outcome, 'recovered')
  t.match(
    (await bench.audit('rollout')).map(row => row.body),
    [{ state: 'held', detail: 'api-2: CrashLoopBackOff' }, { state: 'complete' }],
    'once, not at each look'
  )
  t.equal(bench.cluster.writes.length, 1)
})

t.test('after a write: its time is up while the rollout moves: unknown, people, and no rung', async t => {
  const bench = await openBench(t, { policies: [ladder()] })
  await undone(bench, written => ({
    ...written,
    pods: [podOf('api-3', { ready: false, unschedulable: '0/3 nodes are available' })],
    rollout: MOVING
  }))
  await bench.pass(6 * MINUTE)
  const run = await bench.run()
  t.match(run, { outcome: 'unknown', detail: /not complete in time: 1 of 3 .*api-3 cannot be scheduled: 0\/3 nodes are available/ })
  t.equal(bench.cluster.writes.length, 1)
  t.same(await bench.messages(), ['needs-people: Deployment/shop/api: HighErrorRatio: unknown'])
})

t.test('paused in the middle of a rollout: somebody must resume it; a canary at a step, promote or abort it', async t => {
  const bench = await openBench(t)
  bench.cluster.put({ ...badRollout(), paused: true, rollout: MOVING })
  await bench.fire()
  await bench.look()
  t.equal(await reasonOf(bench), 'target-paused')
  bench.cluster.put({
    ...badRollout(),
    canary: { stable: 'v1', current: 'v2', aborted: false, phase: 'Paused', message: '' },
    rollout: { ...MOVING, detail: 'Paused: step 1' }
  })
  await bench.pass(30 * SECOND)
  t.match(await bench.run(), { reason: 'target-paused', detail: /Paused: step 1; promote it, or abort it/ })
})
