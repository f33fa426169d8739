import t from 'tap'
import { startControlPlane } from '../cluster/control-plane.ts'
import { installGitopsKinds } from '../cluster/gitops.ts'
import { CURRENT_ALERTMANAGER, CURRENT_PROMETHEUS, obtain } from '../cluster/go-build.ts'
import { openClients } from '../conformance/clients.ts'
import { ARGOCD, copiedTrackingId, FLUX, story11, suspendedFirst } from '../stories/gitops-stories.ts'
import type { Site } from '../stories/world.ts'

// The real kinds of Argo CD and Flux; a reconciler of ours puts back what Git says, with their field managers.
t.jobs = 5
const plane = await startControlPlane()
t.teardown(() => plane.stop())
const admin = await openClients(plane.kubeconfig)
t.teardown(() => admin.close())
await installGitopsKinds(admin)
const site: Site = {
  kubeconfig: plane.kubeconfig,
  podAddresses: true,
  current: { prometheus: [await obtain(CURRENT_PROMETHEUS)], alertmanager: [await obtain(CURRENT_ALERTMANAGER)] }
}

for (const tool of [ARGOCD, FLUX]) {
  const name = tool.name.toLowerCase().replace(' ', '')
  void t.test(`11. ${tool.name} enforces the target`, { buffered: true }, t => story11(t, site, `story-11-${name}`, tool))
  void t.test(`11. ${tool.name} is suspended first`, { buffered: true }, t => suspendedFirst(t, site, `suspend-${name}`, tool))
}
void t.test('a tracking id that was copied, and a label', { buffered: true }, t => copiedTrackingId(t, site, 'copied'))
