import t from 'tap'
import { sandboxSite } from '../support/world/sandbox-site.ts'
import { killedAt, killedWhileTelling, WRITING_POINTS } from './crash.ts'

t.jobs = 6
const site = await sandboxSite(t)

for (const point of WRITING_POINTS)
  void t.test(`14. killed at ${point}`, { buffered: true }, t => killedAt(t, site, `killed-${point}`, point))
void t.test('14. killed while telling people', { buffered: true }, t => killedWhileTelling(t, site, 'killed-message-sent'))
