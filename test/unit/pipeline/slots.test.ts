import t from 'tap'
import { createSlots } from '../../../src/pipeline/slots.ts'
import { openBench } from '../../support/bench.ts'
import { TARGET } from '../../support/workloads.ts'

/** A promise that the story settles. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open: () => open() }
}

t.test('places: taken, left while asleep, taken again in the order of waking, and never more than there are', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()
  const run = await bench.run()
  const of = (name: string) => ({ ...run, target: { ...TARGET, name } })
  let freed = 0
  const slots = createSlots({ atWork: 1, asleep: 64 }, () => {
    freed += 1
  })
  const first = slots.begin(of('a'))
  t.equal(slots.room().atMost, 0)
  const night = gate()
  const rested = first.rest(() => night.opened)
  t.equal(slots.room().atMost, 1, 'who sleeps has no place')
  t.equal(freed, 1)
  const other = slots.begin(of('b'))
  night.open()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(slots.room().atMost, 0, 'who woke up is before whoever is new')
  other.end()
  await rested
  t.equal(slots.room().atMost, 0)
  first.end()
  t.equal(slots.room().atMost, 1)
})

t.test('who sleeps is counted too: beyond its share of the sleeping places a target’s run keeps its place', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()
  const run = await bench.run()
  const slots = createSlots({ atWork: 64, asleep: 64 }, () => {})
  const night = gate()
  const sleeping = Array.from({ length: 10 }, () => slots.begin(run).rest(() => night.opened))
  const { targets, perTarget } = slots.room()
  t.equal(perTarget, 2)
  t.same([...targets], [['Deployment/shop/api', 8]], 'two of ten sleep without a place')
  night.open()
  await Promise.all(sleeping)
})
