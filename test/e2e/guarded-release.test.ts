import t from 'tap'
import { guardedRelease } from '../stories/guarded-release-stories.ts'
import { HELMS, obtain } from '../support/cluster/go-build.ts'
import { openHelm } from '../support/cluster/helm.ts'
import { openSite } from '../support/e2e/site.ts'

// Story 15 with a release: what a guard finds bad is rolled back by helm itself. Both majors.
t.jobs = 2
const { plane, site } = await openSite(t)

for (const program of HELMS) {
  const helm = await openHelm(t, program, plane.kubeconfig)
  const one = { ...site, helm, program: await obtain(program) }
  void t.test(`15. a bad release is rolled back by helm ${helm.major}`, { buffered: true }, t =>
    guardedRelease(t, one, `guard-helm${helm.major}`)
  )
}
