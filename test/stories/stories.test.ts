import t from 'tap'
import { sandboxSite } from '../support/world/sandbox-site.ts'
import { playAll, STORIES } from './everywhere.ts'

t.jobs = 5
playAll(t, await sandboxSite(t), STORIES)
