import t from 'tap'
import { retryAt } from '../../../src/notify/sender.ts'

t.test('back-off doubles, up to five minutes, for ever', async t => {
  t.same(
    [0, 1, 2, 3, 8, 9, 1_000].map(attempts => retryAt(attempts, 0) / 1_000),
    [1, 2, 4, 8, 256, 300, 300]
  )
})
