import t from 'tap'
import {
  ARGOCD,
  copiedMarks,
  copiedTrackingId,
  FLUX,
  ownerOfMore,
  restartedByHand,
  story11,
  suspendedFirst
} from '../stories/gitops-stories.ts'
import { installGitopsKinds } from '../support/cluster/gitops.ts'
import { openSite } from '../support/e2e/site.ts'

// The real kinds of Argo CD and Flux; a reconciler of ours puts back what Git says, with their field managers.
t.jobs = 5
const { admin, site } = await openSite(t)
await installGitopsKinds(admin)

for (const tool of [ARGOCD, FLUX]) {
  const name = tool.name.toLowerCase().replace(' ', '')
  void t.test(`11. ${tool.name} enforces the target`, { buffered: true }, t => story11(t, site, `story-11-${name}`, tool))
  void t.test(`11. ${tool.name} is suspended first`, { buffered: true }, t => suspendedFirst(t, site, `suspend-${name}`, tool))
  void t.test(`a copy with ${tool.name}’s marks`, { buffered: true }, t => copiedMarks(t, site, `copy-${name}`, tool))
  void t.test(`${tool.name} has something elsewhere too`, { buffered: true }, t => ownerOfMore(t, site, `more-${name}`, tool))
}
void t.test('Argo CD by label, then a restart by hand', { buffered: true }, t => restartedByHand(t, site, 'restarted'))
void t.test('a tracking id that was copied, and a label', { buffered: true }, t => copiedTrackingId(t, site, 'copied'))
