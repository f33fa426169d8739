import t from 'tap'
import { cannotBeWritten, conflictOfManagers, hookNeverEnds, kindGoneMeanwhile, neverReady } from '../stories/broken-release-stories.ts'
import { changedPastHelm, upgradedBehindNobody } from '../stories/past-release-stories.ts'
import type { ReleaseSite } from '../stories/release-stories.ts'
import { HELMS, obtain } from '../support/cluster/go-build.ts'
import { openHelm } from '../support/cluster/helm.ts'
import { openSite } from '../support/e2e/site.ts'

// A rollback that helm begins and does not finish, and releases that were changed behind helm's back; both majors.
t.jobs = 4
const { plane, site } = await openSite(t)
for (const program of HELMS) {
  const one: ReleaseSite = { ...site, helm: await openHelm(t, program, plane.kubeconfig), program: await obtain(program) }
  const { major } = one.helm
  for (const event of ['pre-rollback', 'post-rollback'] as const)
    void t.test(`a ${event} hook never ends, helm ${major}`, { buffered: true }, t => hookNeverEnds(t, one, `${event}-helm${major}`, event))
  void t.test(`a kind is gone when helm rolls back, helm ${major}`, { buffered: true }, t =>
    kindGoneMeanwhile(t, one, `kind-gone-helm${major}`)
  )
  void t.test(`rolled back, and never ready, helm ${major}`, { buffered: true }, t => neverReady(t, one, `never-ready-helm${major}`))
  void t.test(`an object cannot be written, helm ${major}`, { buffered: true }, t => cannotBeWritten(t, one, `immutable-helm${major}`))
  // Only helm 4 applies on the server's side.
  if (major === '4')
    void t.test('scaled by hand, and in conflict with it, helm 4', { buffered: true }, t => conflictOfManagers(t, one, 'conflict-helm4'))
  for (const how of ['image', 'env'] as const)
    void t.test(`changed behind helm’s back (${how}), helm ${major}`, { buffered: true }, t =>
      changedPastHelm(t, one, `past-${how}-helm${major}`, how)
    )
  void t.test(`a ladder of both, upgraded by helm ${major}`, { buffered: true }, t => upgradedBehindNobody(t, one, `both-helm${major}`))
}
