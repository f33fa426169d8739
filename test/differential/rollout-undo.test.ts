import t from 'tap'
import { INTENDED } from '../support/differential/compare.ts'
import { compareMany } from '../support/differential/compare-many.ts'

t.test('250 histories: Astern’s undo leaves what kubectl’s leaves, or differs for a written reason', async t => {
  const tally = await compareMany(t, 20_261_121, 250)
  const same = (tally.get('template') ?? 0) + (tally.get('nowhere') ?? 0)
  t.ok(same >= 125, `in most of them both do the same (${same})`)
  for (const [difference, reason] of Object.entries(INTENDED))
    t.ok(tally.has(difference as keyof typeof INTENDED), `it happened: ${reason}`)
})
