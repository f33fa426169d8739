import t, { type Test } from 'tap'
import { SECOND } from '../../../src/base/clock.ts'
import type { GuardPorts } from '../../../src/deploy-guard/ports.ts'
import { createSessions } from '../../../src/deploy-guard/sessions.ts'
import { createGuardWorker } from '../../../src/deploy-guard/worker.ts'
import { noFaults } from '../../../src/domain/ports/faults.ts'
import type { GuardedLook } from '../../../src/domain/ports/guarded-cluster.ts'
import { USUAL_GUARD_METRICS } from '../../../src/policies/guard-metrics.ts'
import { StoryClock } from '../../support/bench.ts'
import { deployGuardOf } from '../../support/deploy-guards.ts'
import { countingIds, openLedger } from '../../support/open-ledger.ts'
import { NOON } from '../../support/workloads.ts'

const target = (name: string) => ({ kind: 'Deployment', namespace: 'shop', name }) as const
const AWAY: GuardedLook = { kind: 'unreachable', detail: 'ECONNREFUSED' }

/** Guards of these targets, and a cluster that does not answer about `slow` until it is let. */
async function openWatches(t: Test, names: readonly string[]) {
  const clock = new StoryClock(NOON)
  // Whoever sleeps lets others work first.
  const yielding = {
    now: clock.now,
    async sleep(ms: number): Promise<void> {
      await new Promise(resolve => setImmediate(resolve))
      clock.tick(ms)
    }
  }
  const ledger = await openLedger(t, { ids: countingIds() })
  for (const name of names) await ledger.beginGuard(deployGuardOf({ id: name, target: target(name), nextAt: NOON }), name, [])
  const looks: string[] = []
  const waiting: { readonly until: () => boolean; readonly done: () => void }[] = []
  let answer = (): void => {}
  const slow = new Promise<void>(resolve => {
    answer = resolve
  })
  const metered: string[] = []
  const ports: GuardPorts = {
    clock: yielding,
    ids: countingIds(),
    ledger,
    cluster: {
      async look({ name }, _identity, signal) {
        looks.push(name)
        for (const { until, done } of waiting) if (until()) done()
        if (name.startsWith('slow'))
          await Promise.race([slow, new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))])
        return AWAY
      },
      read: async () => ({ kind: 'unreachable', detail: 'ECONNREFUSED' }),
      owners: async () => [],
      clockOffset: () => 0
    },
    sessions: createSessions(() => ({ sources: [], close: () => {} }), clock.now),
    entry: () => undefined,
    usualMetrics: USUAL_GUARD_METRICS,
    ceiling: 'auto',
    faults: noFaults,
    failed(what, cause) {
      throw new Error(what, { cause })
    },
    meter: { looked: result => metered.push(result), ended: result => metered.push(result) }
  }
  const worker = createGuardWorker(ports, 'worker')
  return {
    clock,
    ledger,
    looks,
    metered,
    worker,
    answer,
    /** Resolves once that is so, looked at with each look. */
    until(so: () => boolean): Promise<void> {
      return so() ? Promise.resolve() : soon(new Promise(done => waiting.push({ until: so, done })))
    }
  }
}

/** What a broken worker would never do fails in ten seconds. */
async function soon<Value>(wanted: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<Value>()
  const timer = setTimeout(() => late.reject(new Error('it did not come within ten seconds')), 10_000)
  return Promise.race([wanted, late.promise]).finally(() => clearTimeout(timer))
}

const count = (looks: readonly string[], name: string): number => looks.filter(one => one === name).length

t.test('a target that answers slowly holds up the looks of no other', async t => {
  const { worker, looks, until, answer, metered } = await openWatches(t, ['slow', 'quick'])
  worker.start()
  await until(() => count(looks, 'quick') >= 5)
  t.equal(count(looks, 'slow'), 1, 'and is looked at once at a time')
  answer()
  await until(() => count(looks, 'slow') >= 2)
  t.ok(metered.includes('kept'))
  await worker.stop()
})

t.test('a guard whose look outlives its claim is not looked at a second time beside it', async t => {
  const { worker, looks, clock, answer } = await openWatches(t, ['slow'])
  const first = worker.turn()
  await new Promise(resolve => setImmediate(resolve))
  clock.tick(61 * SECOND)
  t.equal(await soon(worker.turn()), 0)
  t.same(looks, ['slow'])
  answer()
  await first
})

t.test('no more than sixteen are looked at at a time, and the next as soon as one is done', async t => {
  const names = Array.from({ length: 20 }, (_, index) => `slow-${index}`)
  const { worker, looks, until, answer } = await openWatches(t, names)
  worker.start()
  await until(() => looks.length >= 16)
  t.equal(looks.length, 16)
  answer()
  await until(() => new Set(looks).size === 20)
  await worker.stop()
})

t.test('a stop ends the looks under way, waits for them, and leaves every guard to the next process', async t => {
  const { worker, looks, until, ledger, clock } = await openWatches(t, ['slow', 'quick'])
  worker.start()
  await until(() => looks.includes('slow'))
  await worker.stop()
  const seen = looks.length
  const claimed = await ledger.claimGuards('another', clock.now() + 10 * SECOND, SECOND, 10)
  t.same(claimed.map(({ guard }) => [guard.id, guard.state]).sort(), [
    ['quick', 'waiting'],
    ['slow', 'waiting']
  ])
  t.equal(looks.length, seen, 'and looks no more')
})
