import t from 'tap'
import { HELMS } from '../support/cluster/go-build.ts'
import { compareReleases, INTENDED } from '../support/differential/releases.ts'

for (const program of HELMS)
  t.test(
    `70 histories of releases, helm ${program.version}: Astern goes where helm rollback goes, or differs for a written reason`,
    async t => {
      const tally = await compareReleases(t, program, 20_261_121, 70)
      t.ok((tally.get('manifest') ?? 0) >= 10, 'often enough both make the same of the cluster')
      for (const [difference, reason] of Object.entries(INTENDED))
        t.ok(tally.has(difference as keyof typeof INTENDED), `it happened: ${reason}`)
    }
  )
