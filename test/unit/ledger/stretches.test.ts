import t from 'tap'
import { inStretches } from '../../../src/ledger/stretches.ts'

t.test('many rows are handled in stretches, and between two of them others have their turn', async t => {
  const happened: (number | string)[] = []
  const rows = Array.from({ length: 450 }, (_, index) => index)
  const handled: number[] = []
  await inStretches(rows, async some => {
    happened.push(some.length)
    handled.push(...some)
    setImmediate(() => happened.push('another'))
  })
  t.same(happened, [200, 'another', 200, 'another', 50])
  t.same(handled, rows, 'in order, each once')
})

t.test('few rows wait for nobody', async t => {
  let calls = 0
  let others = false
  setImmediate(() => {
    others = true
  })
  await inStretches([1, 2], async () => {
    calls += 1
  })
  await inStretches([], async () => {
    calls += 1
  })
  t.same([calls, others], [1, false])
})
