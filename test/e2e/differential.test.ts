import t from 'tap'
import { HELMS } from '../support/cluster/go-build.ts'
import { compareMany } from '../support/differential/compare-many.ts'
import { compareRevisioned } from '../support/differential/controller-revisions.ts'
import { compareReleases } from '../support/differential/releases.ts'

// `npm run test:differential` plays ten times as many.
t.test('20 histories: Astern’s undo leaves what kubectl’s leaves, or differs for a written reason', async t => {
  const tally = await compareMany(t, 4, 20)
  t.ok((tally.get('template') ?? 0) >= 5, 'the same template often enough to mean something')
})

for (const kind of ['StatefulSet', 'DaemonSet'] as const)
  t.test(`20 histories of a ${kind}`, async t => {
    const tally = await compareRevisioned(t, kind, 5, 20)
    t.ok((tally.get('template') ?? 0) >= 5)
  })

for (const program of HELMS)
  t.test(`10 histories of releases, helm ${program.version}`, async t => {
    const tally = await compareReleases(t, program, 6, 10)
    t.ok((tally.get('manifest') ?? 0) >= 2)
  })
