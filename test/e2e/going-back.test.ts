import t from 'tap'
import {
  bumpedAfter,
  bumpedBefore,
  hashedConfigGone,
  noRoomToSurge,
  nothingCanRun,
  podSecurityCameLater,
  podSecurityOnlyWarns,
  removedApi,
  sameImages,
  sameTagNewImage
} from '../stories/back-stories.ts'
import { HELMS, obtain } from '../support/cluster/go-build.ts'
import { openHelm } from '../support/cluster/helm.ts'
import { openSite } from '../support/e2e/site.ts'

// Could the older version run here today? On a real API server, with real admission, quotas and helm.
t.jobs = 3
const { plane, site } = await openSite(t)

void t.test('Pod Security came after the old version', { buffered: true }, t => podSecurityCameLater(t, site, 'psa-later'))
void t.test('Pod Security only warns', { buffered: true }, t => podSecurityOnlyWarns(t, site, 'psa-warns'))
void t.test('the old version’s hashed ConfigMap is gone', { buffered: true }, t => hashedConfigGone(t, site, 'config-gone'))
void t.test('nothing to go back to can run', { buffered: true }, t => nothingCanRun(t, site, 'nothing-runs'))
void t.test('no room to surge', { buffered: true }, t => noRoomToSurge(t, site, 'no-surge'))
void t.test('an operator’s bump after the symptom', { buffered: true }, t => bumpedAfter(t, site, 'bump-after', 'as-it-is'))
void t.test('an operator’s bump that the policy ignores', { buffered: true }, t => bumpedAfter(t, site, 'bump-ignored', 'ignored'))
void t.test('an operator’s bump before the symptom', { buffered: true }, t => bumpedBefore(t, site, 'bump-before'))
void t.test('the same images, another variable', { buffered: true }, t => sameImages(t, site, 'same-images'))
void t.test('the same tag, another image', { buffered: true }, t => sameTagNewImage(t, site, 'tag-moved'))
for (const program of HELMS) {
  const helm = await openHelm(t, program, plane.kubeconfig)
  const one = { ...site, helm, program: await obtain(program) }
  void t.test(`a release of a kind that is not served any more, helm ${helm.major}`, { buffered: true }, t =>
    removedApi(t, one, `removed-helm${helm.major}`)
  )
}
