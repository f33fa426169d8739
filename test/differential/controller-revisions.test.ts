import t from 'tap'
import { compareRevisioned, INTENDED } from '../support/differential/controller-revisions.ts'

for (const kind of ['StatefulSet', 'DaemonSet'] as const)
  t.test(`220 histories of a ${kind}: Astern’s undo leaves what kubectl’s leaves, or differs for a written reason`, async t => {
    const tally = await compareRevisioned(t, kind, 20_261_121, 220)
    const alike = (tally.get('template') ?? 0) + (tally.get('nowhere') ?? 0)
    t.ok(alike >= 80, `often enough both do the same (${alike})`)
    for (const [difference, reason] of Object.entries(INTENDED))
      t.ok(tally.has(difference as keyof typeof INTENDED), `it happened: ${reason}`)
  })
