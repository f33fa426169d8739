import t from 'tap'
import { startArgoRollouts } from '../cluster/argo-rollouts.ts'
import { startControlPlane } from '../cluster/control-plane.ts'
import { CURRENT_ALERTMANAGER, CURRENT_PROMETHEUS, obtain } from '../cluster/go-build.ts'
import { openClients } from '../conformance/clients.ts'
import { abortedCanary, restartedRollout, undoneReference, undoneRollout } from '../stories/rollout-stories.ts'
import type { Site } from '../stories/world.ts'

// Argo Rollouts, rolled out by its own controller.
t.jobs = 4
const plane = await startControlPlane()
t.teardown(() => plane.stop())
const admin = await openClients(plane.kubeconfig)
t.teardown(() => admin.close())
await startArgoRollouts(t, admin, plane.kubeconfig)
const site: Site = {
  kubeconfig: plane.kubeconfig,
  podAddresses: true,
  current: { prometheus: [await obtain(CURRENT_PROMETHEUS)], alertmanager: [await obtain(CURRENT_ALERTMANAGER)] }
}

void t.test('a canary that fails is aborted', { buffered: true }, t => abortedCanary(t, site, 'canary'))
void t.test('a finished update is undone', { buffered: true }, t => undoneRollout(t, site, 'rollout-undo'))
void t.test('a template that stands in a Deployment is undone there', { buffered: true }, t => undoneReference(t, site, 'workload-ref'))
void t.test('a restart makes no revision', { buffered: true }, t => restartedRollout(t, site, 'rollout-restart'))
