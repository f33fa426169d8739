import t from 'tap'
import { sandboxSite } from '../support/world/sandbox-site.ts'
import { conversations } from './conversation-stories.ts'

void t.test('stories 1, 4, 8 and I1 end in the right conversation in every channel', async t => {
  await conversations(t, await sandboxSite(t), 'conversations')
})
