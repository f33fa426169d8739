import t from 'tap'
import { daemonSetUndone, story12 } from '../stories/stateful-stories.ts'
import { openSite } from '../support/e2e/site.ts'

// StatefulSets and DaemonSets, rolled out and undone by kube-controller-manager.
t.jobs = 4
const { site } = await openSite(t)

void t.test('12. a StatefulSet that is stuck is undone, then unstuck in order', { buffered: true }, t => story12(t, site, 'story-12'))
void t.test('1. a DaemonSet', { buffered: true }, t => daemonSetUndone(t, site, 'story-1-daemonset'))
