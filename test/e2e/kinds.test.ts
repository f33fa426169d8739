import t from 'tap'
import { startControlPlane } from '../cluster/control-plane.ts'
import { CURRENT_ALERTMANAGER, CURRENT_PROMETHEUS, obtain } from '../cluster/go-build.ts'
import { daemonSetUndone, story12 } from '../stories/stateful-stories.ts'
import type { Site } from '../stories/world.ts'

// StatefulSets and DaemonSets, rolled out and undone by kube-controller-manager.
t.jobs = 4
const plane = await startControlPlane()
t.teardown(() => plane.stop())
const site: Site = {
  kubeconfig: plane.kubeconfig,
  podAddresses: true,
  current: { prometheus: [await obtain(CURRENT_PROMETHEUS)], alertmanager: [await obtain(CURRENT_ALERTMANAGER)] }
}

void t.test('12. a StatefulSet that is stuck is undone, then unstuck in order', { buffered: true }, t => story12(t, site, 'story-12'))
void t.test('1. a DaemonSet', { buffered: true }, t => daemonSetUndone(t, site, 'story-1-daemonset'))
