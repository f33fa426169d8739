import t from 'tap'
import { sandboxSite } from '../support/world/sandbox-site.ts'
import { conversations } from './conversation-stories.ts'
import { storm } from './storm-stories.ts'

t.jobs = 2

void t.test('stories 1, 4, 8 and I1 end in the right conversation in every channel', { buffered: true }, async t => {
  await conversations(t, await sandboxSite(t), 'conversations')
})

void t.test('7. a storm is one conversation in every channel', { buffered: true }, async t => {
  await storm(t, await sandboxSite(t), 'storm')
})
