import { percent, span } from './figures.ts'
import { secondsToFail, type Traffic } from './planning.ts'
import type { PartSettings, WatchSettings } from './settings.ts'

/** The regression that is told of at the start. */
const MULTIPLE = 5

/** Where five times the old share is tolerated, or the old version has no errors at all, this share is told of instead. */
const PLAIN_SHARE = 0.01

/** At the start, in a sentence: how long a regression takes to prove at this traffic. `traffic` is what the old version has. */
export function outlook(settings: WatchSettings, part: PartSettings, traffic: Omit<Traffic, 'newShare'>): string {
  const comparison = part.comparisons.find(({ worse }) => worse !== undefined)
  if (comparison === undefined) return `${part.name}: nothing can fail by it`
  if (!(traffic.newPerSecond > 0)) return `${part.name}: without traffic nothing can be proven`
  const takes = (newShare: number): string | undefined => {
    const seconds = secondsToFail(settings, comparison, { ...traffic, newShare })
    if (seconds === undefined) return undefined
    const late = seconds > settings.deadlineSeconds ? `, longer than the deadline of ${span(settings.deadlineSeconds)}` : ''
    return `about ${span(seconds)} to prove${late}`
  }
  const multiple = Math.min(1, MULTIPLE * traffic.oldShare)
  const five = multiple === 0 ? undefined : takes(multiple)
  if (five !== undefined) return `${part.name}: at this traffic ×${MULTIPLE} (${percent(multiple)}) takes ${five}`
  const plain = takes(Math.max(PLAIN_SHARE, multiple)) ?? 'forever: it is tolerated'
  const tolerated = multiple === 0 ? '' : `×${MULTIPLE} (${percent(multiple)}) is tolerated; `
  return `${part.name}: ${tolerated}at this traffic a rise to ${percent(Math.max(PLAIN_SHARE, multiple))} takes ${plain}`
}
