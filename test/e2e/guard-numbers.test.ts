import t from 'tap'
import { CURRENT_PROMETHEUS, obtain } from '../support/cluster/go-build.ts'
import { guardReadsTheScraped } from '../support/guard-backfilled.ts'
import { guardReadsPushedHistograms } from '../support/guard-native.ts'
import { guardReadsProxies } from '../support/guard-proxies.ts'
import { guardWatchesTheServed } from '../support/guard-served.ts'

const program = [await obtain(CURRENT_PROMETHEUS)] as const

t.test('a guard reads from a current Prometheus what was scraped before it asked, and judges it right', t =>
  guardReadsTheScraped(t, program)
)

t.test('a guard watches what a current Prometheus scrapes: a bad version fails, a killed source does not', { timeout: 180_000 }, t =>
  guardWatchesTheServed(t, program)
)

t.test('a guard judges by native histograms that were pushed to a current Prometheus', t => guardReadsPushedHistograms(t, program))

t.test('a guard judges what ingress-nginx counted, as a current Prometheus scraped it', t => guardReadsProxies(t, program))
