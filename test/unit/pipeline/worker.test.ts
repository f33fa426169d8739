import t from 'tap'
import type { Clock } from '../../../src/base/clock.ts'
import { systemClock } from '../../../src/outgoing/system-clock.ts'
import { createWorker } from '../../../src/pipeline/worker.ts'
import { openBench, policyOf } from '../../support/bench.ts'
import { badRollout, NOON, TARGET } from '../../support/workloads.ts'

const quick = policyOf({ verify: policyOf().verify.map(query => ({ ...query, samples: 1, window: 0 })) })

t.test('the worker takes up what is due, and stops where it waits', async t => {
  const bench = await openBench(t, { policies: [quick] })
  // Its own time: the machine's, with the story's instants.
  const offset = NOON - Date.now()
  const ports = { ...bench.ports, clock: { now: () => Date.now() + offset, sleep: systemClock.sleep } }
  const worker = createWorker(ports, { owner: 'w', idleMs: 20 })
  worker.start()
  t.teardown(() => worker.stop())

  await bench.fire()
  worker.kick()
  await worker.idle()

  t.equal(bench.cluster.writes.length, 1)
})

t.test('an incident that cannot be admitted does not hold up the others’ runs', async t => {
  const bench = await openBench(t, { policies: [quick] })
  await bench.fire()
  bench.value = 0.001
  await bench.look()
  t.equal((await bench.run()).reason, 'symptom-not-confirmed')
  const failures: string[] = []
  const offset = bench.clock.now() - Date.now()
  const ports = {
    ...bench.ports,
    clock: { now: () => Date.now() + offset + 60_000, sleep: systemClock.sleep },
    policies: {
      ...bench.ports.policies,
      match: () => {
        throw new Error('a policy that was not checked at load')
      }
    },
    recorder: { ...bench.ports.recorder, failed: (what: string) => void failures.push(what) }
  }
  bench.value = 0.4
  bench.cluster.put(badRollout())
  await bench.fire({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'web' })
  const worker = createWorker(ports, { owner: 'w', idleMs: 20 })
  worker.start()
  t.teardown(() => worker.stop())

  await worker.idle()

  t.ok(failures.includes('admitting incidents'))
  t.equal(bench.cluster.writes.length, 1, 'the run that was due went on')
  t.equal((await bench.ledger.unadmitted(10)).length, 1, 'and the incident is not lost')
})

t.test('two workers on one ledger: one write', async t => {
  const bench = await openBench(t, { policies: [quick] })
  const offset = NOON - Date.now()
  const ports = { ...bench.ports, clock: { now: () => Date.now() + offset, sleep: systemClock.sleep } }
  const workers = ['one', 'two', 'three'].map(owner => createWorker(ports, { owner, idleMs: 5 }))
  for (const worker of workers) worker.start()
  t.teardown(() => Promise.all(workers.map(worker => worker.stop())))

  await Promise.all(Array.from({ length: 20 }, () => bench.fire()))
  for (const worker of workers) worker.kick()
  await Promise.all(workers.map(worker => worker.idle()))

  t.equal(bench.cluster.writes.length, 1)
  t.equal((await bench.ledger.runs({}, undefined, 10)).items.length, 1)
})

t.test('a run that sleeps between two samples holds no place: with one place, others are decided meanwhile', async t => {
  // Given a policy with two samples 15 s apart, four targets, and a worker with one place.
  const bench = await openBench(t)
  const names = ['api', 'web', 'cart', 'mail']
  for (const name of names) bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name }, uid: `uid-${name}` })
  const sleepers: (() => void)[] = []
  let asleep = (): void => {}
  const allAsleep = new Promise<void>(resolve => {
    asleep = resolve
  })
  const offset = NOON - Date.now()
  const clock: Clock = {
    now: () => Date.now() + offset,
    // The worker's own pauses are short; the pause between two samples lasts until the story ends it.
    sleep: (ms, signal) =>
      ms < 10_000
        ? systemClock.sleep(ms, signal)
        : new Promise(resolve => {
            sleepers.push(resolve)
            if (sleepers.length === names.length) asleep()
          })
  }
  const worker = createWorker({ ...bench.ports, clock }, { owner: 'w', idleMs: 20, concurrency: 1, asleep: 64 })
  worker.start()
  t.teardown(() => worker.stop())

  // When all four alert at once.
  for (const deployment of names) await bench.fire({ alertname: 'HighErrorRatio', namespace: 'shop', deployment })
  worker.kick()

  // Then all four have their first sample, though none has its second.
  await allAsleep
  t.equal(bench.samples.length, names.length)
  for (const wake of sleepers) wake()
  await worker.idle()
  t.equal(bench.cluster.writes.length, names.length, 'and each goes on where it slept')
})
