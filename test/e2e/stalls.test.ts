import t from 'tap'
import {
  addNodes,
  deadNodeAfter,
  deadNodeBefore,
  hungOnFinalizer,
  neverReady,
  pastItsDeadline,
  podsRefused,
  pullHiccup,
  statefulPodsRefused
} from '../stories/stall-stories.ts'
import { openSite } from '../support/e2e/site.ts'

// Rollouts that do not get on, by the real controllers: what passes is waited for, what does not is named and mended.
t.jobs = 4
const { site, admin } = await openSite(t)
await addNodes({ clients: admin })

void t.test('one pull error in the rollback is waited for', { buffered: true }, t => pullHiccup(t, site, 'pull-hiccup'))
void t.test('a StatefulSet’s pod runs and never gets ready', { buffered: true }, t => neverReady(t, site, 'never-ready'))
void t.test('a pod hangs on a finalizer', { buffered: true }, t => hungOnFinalizer(t, site, 'hung'))
void t.test('pods of the old version are refused by now', { buffered: true }, t => podsRefused(t, site, 'pods-refused'))
void t.test('pods of a StatefulSet are refused', { buffered: true }, t => statefulPodsRefused(t, site, 'stateful-refused'))
void t.test('no node takes the new pods', { buffered: true }, t => pastItsDeadline(t, site, 'past-deadline'))
void t.test('a node of a DaemonSet died before the rollout', { buffered: true }, t => deadNodeBefore(t, site, 'dead-node-before'))
void t.test('a node of a DaemonSet dies after the rollout', { buffered: true }, t => deadNodeAfter(t, site, 'dead-node-after'))
