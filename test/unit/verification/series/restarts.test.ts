import t from 'tap'
import { restartsAt } from '../../../../src/verification/series/restarts.ts'

const scrapes = (...values: readonly (number | Readonly<Record<string, number>>)[]) =>
  values.map((value, index) => ({
    at: index,
    values: new Map(Object.entries(typeof value === 'number' ? { a: value } : value))
  }))

const lately = (before: number, now: number) => ({ before, now, others: 'come-too-late' }) as const
const longBefore = (before: number, now: number) => ({ before, now, others: 'may-show' }) as const

t.test('a restart that the cluster tells of now belongs to the scrape in which the counters fell', async t => {
  t.same(restartsAt(scrapes(10, 20, 3, 9), lately(0, 1)), [0, 0, 1, 1])
  t.same(restartsAt(scrapes(10, 2, 30, 4), lately(3, 5)), [3, 4, 4, 5])
})

t.test('nothing new is nothing to attribute: a fall without a restart stays one', async t => {
  t.same(restartsAt(scrapes(10, 20, 3, 9), lately(2, 2)), [2, 2, 2, 2])
  t.same(restartsAt(scrapes(10, 3, 12, 4), lately(0, 1)), [0, 0, 0, 1], 'and of more falls than restarts only the latest are explained')
})

t.test('a fall that was counted already explains no restart of later', async t => {
  t.same(restartsAt(scrapes(10, 3, 12, 20), { before: 1, now: 2, explainedTo: 2, others: 'may-show' }), [1, 1, 1, 1])
  t.same(restartsAt(scrapes(10, 3, 12, 4), { before: 1, now: 2, explainedTo: 2, others: 'may-show' }), [1, 1, 1, 2])
})

t.test('a restart that no counter shows yet comes with the newest scrape, for the next ones may show it', async t => {
  t.same(restartsAt(scrapes(10, 20, 30), lately(0, 1)), [0, 0, 1])
  t.same(restartsAt(scrapes(10, 3, 30), lately(0, 2)), [0, 2, 2])
})

t.test('a restart that counters have grown beyond shows by a series that is gone', async t => {
  t.same(restartsAt(scrapes({ a: 5, b: 2 }, { a: 9, b: 2 }, { a: 30 }, { a: 40 }), lately(0, 1)), [0, 0, 1, 1])
})

t.test('while a watch catches up, a restart of later is not given away to scrapes of long before it', async t => {
  t.same(restartsAt(scrapes(10, 20, 30), longBefore(0, 1)), [0, 0, 0])
  t.same(restartsAt(scrapes(10, 2, 30), longBefore(0, 3)), [0, 1, 1])
})
