import t from 'tap'
import { obtainPart, PROMETHEUS } from '../../src/sandbox/real-parts.ts'
import { guardReadsTheScraped } from '../support/guard-backfilled.ts'
import { guardWatchesTheServed } from '../support/guard-served.ts'

const program = await obtainPart(PROMETHEUS, { variables: process.env })

t.test('a guard reads from a real Prometheus what was scraped before it asked, and judges it right', t => guardReadsTheScraped(t, program))

t.test('a guard watches what a real Prometheus scrapes: a bad version fails, a killed source does not', { timeout: 180_000 }, t =>
  guardWatchesTheServed(t, program)
)
