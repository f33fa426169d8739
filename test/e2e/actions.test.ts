import t from 'tap'
import { rungsWithConditions, scaledAndKept, sickPod, story3, story6 } from '../stories/action-stories.ts'
import { openSite } from '../support/e2e/site.ts'

// The other actions, on real controllers, and on pods that answer at their own addresses.
t.jobs = 5
const { site } = await openSite(t)

void t.test('3. restart, breaker reset, undo, people', { buffered: true }, t => story3(t, site, 'story-3'))
void t.test('a rung whose condition does not hold is passed over', { buffered: true }, t => rungsWithConditions(t, site, 'conditions'))
void t.test('6. a surge: the autoscaler’s floor, and back', { buffered: true }, t => story6(t, site, 'story-6'))
void t.test('scale without an autoscaler; what people change since is theirs', { buffered: true }, t => scaledAndKept(t, site, 'scaled'))
void t.test('a sick pod goes, when its disruption budget lets it', { buffered: true }, t => sickPod(t, site, 'sick-pod'))
