import t from 'tap'
import { abortedCanary, restartedRollout, undoneReference, undoneRollout } from '../stories/rollout-stories.ts'
import { startArgoRollouts } from '../support/cluster/argo-rollouts.ts'
import { openSite } from '../support/e2e/site.ts'

// Argo Rollouts, rolled out by its own controller.
t.jobs = 4
const { plane, admin, site } = await openSite(t)
await startArgoRollouts(t, admin, plane.kubeconfig)

void t.test('a canary that fails is aborted', { buffered: true }, t => abortedCanary(t, site, 'canary'))
void t.test('a finished update is undone', { buffered: true }, t => undoneRollout(t, site, 'rollout-undo'))
void t.test('a template that stands in a Deployment is undone there', { buffered: true }, t => undoneReference(t, site, 'workload-ref'))
void t.test('a restart makes no revision', { buffered: true }, t => restartedRollout(t, site, 'rollout-restart'))
