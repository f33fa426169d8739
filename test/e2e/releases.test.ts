import t from 'tap'
import {
  annotatedOnly,
  badConfigNobodyOwns,
  copiedFromRelease,
  helmOwned,
  killedWhileHelmWorks,
  namespaceByMergeKey,
  type ReleaseSite,
  story2,
  story5
} from '../stories/release-stories.ts'
import { HELMS, obtain } from '../support/cluster/go-build.ts'
import { openHelm } from '../support/cluster/helm.ts'
import { openSite } from '../support/e2e/site.ts'

// Real releases, by the real helm, both majors.
t.jobs = 4
const { plane, site } = await openSite(t)
const sites: ReleaseSite[] = []
for (const program of HELMS) sites.push({ ...site, helm: await openHelm(t, program, plane.kubeconfig), program: await obtain(program) })

for (const one of sites) {
  const { major } = one.helm
  void t.test(`2. a release with a failed revision in between, helm ${major}`, { buffered: true }, t =>
    story2(t, one, `story-2-helm${major}`)
  )
  void t.test(`5. a bad ConfigMap in a release, helm ${major}`, { buffered: true }, t => story5(t, one, `story-5-helm${major}`))
  void t.test(`14. killed while helm ${major} works`, { buffered: true }, t => killedWhileHelmWorks(t, one, `killed-helm${major}`))
  void t.test(`a copy of a release’s Deployment, helm ${major}`, { buffered: true }, t => copiedFromRelease(t, one, `copy-helm${major}`))
  void t.test(`a copy, and a policy that only rolls back, helm ${major}`, { buffered: true }, t =>
    annotatedOnly(t, one, `copied-helm${major}`, { of: 'here', reason: 'not-helm-owned' })
  )
  void t.test(`a release in a namespace off the list, helm ${major}`, { buffered: true }, t =>
    annotatedOnly(t, one, `off-helm${major}`, { of: 'elsewhere', reason: 'namespace-not-allowed' })
  )
  void t.test(`a namespace that a merge key brings, helm ${major}`, { buffered: true }, t =>
    namespaceByMergeKey(t, one, `merged-helm${major}`)
  )
  void t.test(`a Helm-owned Deployment is not undone, helm ${major}`, { buffered: true }, t => helmOwned(t, one, `owned-helm${major}`))
}
const newest = sites.at(-1)
if (newest !== undefined)
  void t.test('the release of CoreDNS', { buffered: true }, t =>
    annotatedOnly(t, newest, 'names-coredns', { of: 'kube-system', reason: 'namespace-not-allowed', release: 'coredns' })
  )
void t.test('5. a bad ConfigMap that no release owns', { buffered: true }, t => badConfigNobodyOwns(t, site, 'story-5-nobody'))
