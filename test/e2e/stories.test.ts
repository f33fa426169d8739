import t from 'tap'
import { killedAt, WRITING_POINTS } from '../stories/crash.ts'
import { story1, story8, story9, story10, story16, twoAlertmanagers } from '../stories/stories.ts'
import { openSite } from '../support/e2e/site.ts'

// The same stories, on real controllers: a Deployment is rolled out and undone by kube-controller-manager.
t.jobs = 6
const { plane, site } = await openSite(t)

void t.test('1. a bad rollout is undone, once', { buffered: true }, t => story1(t, site, 'story-1'))
void t.test('1. with two Alertmanagers that both deliver', { buffered: true }, t => twoAlertmanagers(t, site, 'story-1-peers'))
void t.test('8. nothing gets better', { buffered: true }, t => story8(t, site, 'story-8'))
void t.test('9. someone deploys forward', { buffered: true }, t => story9(t, site, 'story-9'))
void t.test('10. no data', { buffered: true }, t => story10(t, site, 'story-10'))
void t.test('16. dry runs write nothing', { buffered: true }, async t => {
  await story16(t, site, 'story-16')
  const asked = (await plane.audit()).filter(
    event => event.uri.includes('/namespaces/story-16/') && event.uri.includes('fieldManager=astern')
  )
  t.ok(asked.length > 0)
  t.ok(
    asked.every(event => event.uri.includes('dryRun=All')),
    'the API server’s own audit log knows of no other write'
  )
})
for (const point of WRITING_POINTS)
  void t.test(`14. killed at ${point}`, { buffered: true }, t => killedAt(t, site, `killed-${point}`, point))
