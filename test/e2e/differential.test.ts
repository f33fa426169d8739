import t from 'tap'
import { compareMany } from '../differential/compare-many.ts'

t.test('20 histories: Astern’s undo leaves what kubectl’s leaves, or differs for a written reason', async t => {
  // `npm run test:differential` plays ten times as many.
  const tally = await compareMany(t, 4, 20)
  t.ok((tally.get('template') ?? 0) >= 5, 'the same template often enough to mean something')
})
