import t from 'tap'
import { sandboxSite } from '../support/world/sandbox-site.ts'
import { killedWhileTelling } from './crash.ts'
import { KILLED, playAll } from './everywhere.ts'

t.jobs = 6
const site = await sandboxSite(t)

playAll(t, site, KILLED)
void t.test('14. killed while telling people', { buffered: true }, t => killedWhileTelling(t, site, 'killed-message-sent'))
