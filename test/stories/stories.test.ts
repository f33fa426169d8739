import t from 'tap'
import { sandboxSite } from '../support/world/sandbox-site.ts'
import { story1, story8, story9, story10, story16, twoAlertmanagers } from './stories.ts'

// Each story mostly waits: they are played side by side on one sandbox, in namespaces of their own.
t.jobs = 5
const site = await sandboxSite(t)

void t.test('1. a bad rollout is undone, once', { buffered: true }, t => story1(t, site, 'story-1'))
void t.test('1. with two Alertmanagers that both deliver', { buffered: true }, t => twoAlertmanagers(t, site, 'story-1-peers'))
void t.test('8. nothing gets better', { buffered: true }, t => story8(t, site, 'story-8'))
void t.test('9. someone deploys forward', { buffered: true }, t => story9(t, site, 'story-9'))
void t.test('10. no data', { buffered: true }, t => story10(t, site, 'story-10'))
void t.test('16. dry runs write nothing', { buffered: true }, t => story16(t, site, 'story-16'))
