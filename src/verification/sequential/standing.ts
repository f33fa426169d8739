import { about, span } from './figures.ts'
import { groundsOf } from './grounds.ts'
import { type Bar, barsToPass, oldVersionGone, provenMargins, type WatchState } from './judge.ts'
import { requestsToProve, type Traffic } from './planning.ts'
import type { WatchSettings } from './settings.ts'
import { badShare } from './tally.ts'
import type { Inconclusive, Standing } from './verdict.ts'
import { words } from './words.ts'

/** How a watch stands after its last look: the verdict, or what is awaited; with what it rests on, and in words. */
export function standingOf(settings: WatchSettings, state: WatchState): Standing {
  const grounds = groundsOf(settings, state)
  const kind = state.decision?.kind
  if (kind === 'pass' || kind === 'fail') return { kind, grounds, text: words({ kind, grounds }) }
  const more = missing(settings, state)
  if (kind === 'inconclusive') {
    const because = reasonOf(settings, state, more)
    return { kind, because, grounds, text: words({ kind, because, grounds, more: sentenceOf(more) }) }
  }
  const awaits = awaited(settings, state, more)
  return { kind: 'watching', awaits, grounds, text: words({ kind: 'watching', awaits, grounds }) }
}

/** How much is missing for a proof either way; `between` where no amount would do. */
export type Missing =
  | { readonly kind: 'requests'; readonly requests: number; readonly seconds: number }
  | { readonly kind: 'between' }
  | { readonly kind: 'unclear' }

function missing(settings: WatchSettings, state: WatchState): Missing {
  const seconds = Math.max(1, ((state.testedTo ?? state.counting.at) - settings.counting.from) / 1_000)
  const ways = state.parts.map((part, index): Missing => {
    const own = settings.parts[index]
    const { seen } = part
    if (own === undefined || seen.new.requests === 0) return { kind: 'unclear' }
    const traffic: Traffic = {
      newPerSecond: seen.new.requests / seconds,
      oldPerNew: Math.max(seen.old.requests, 1) / seen.new.requests,
      oldShare: badShare(seen.old),
      newShare: badShare(seen.new)
    }
    const requests = part.comparisons.flatMap((compared, which) => {
      const comparison = own.comparisons[which]
      if (comparison === undefined) return []
      const last = comparison.fine.length - 1
      const pass = requestsToProve({ settings, comparison, direction: 'fine', margin: last, log: compared.fine[last]?.log ?? 0 }, traffic)
      const fail = requestsToProve({ settings, comparison, direction: 'worse', log: compared.worse.log }, traffic)
      return [pass, fail].filter(one => one !== undefined)
    })
    if (requests.length === 0) return { kind: 'between' }
    const least = Math.min(...requests)
    return { kind: 'requests', requests: least, seconds: least / traffic.newPerSecond }
  })
  // All parts must pass: the one that takes longest counts.
  const between = ways.find(({ kind }) => kind === 'between') ?? ways.find(({ kind }) => kind === 'unclear')
  if (between !== undefined) return between
  return ways.reduce((a, b) => (a.kind === 'requests' && b.kind === 'requests' && a.seconds >= b.seconds ? a : b), { kind: 'unclear' })
}

function sentenceOf(more: Missing): string {
  if (more.kind !== 'requests') return ''
  return `about ${about(more.requests)} more requests of the new version would do, ${span(more.seconds)} at this traffic`
}

function reasonOf(settings: WatchSettings, state: WatchState, more: Missing): Inconclusive {
  const bars = barsToPass(settings, state)
  const cannotFail = settings.parts.every(({ comparisons }) => comparisons.every(({ worse }) => worse === undefined))
  if (bars.includes('source-gone')) return 'source-gone'
  if (settings.baseline === 'objective' && cannotFail) return 'objective-missed-before'
  if (!hasBaseline(settings, state)) return bars.includes('new-pods-unreadable') ? 'new-pods-unreadable' : 'no-baseline'
  const [bar] = bars
  if (bar !== undefined) return bar
  if (settings.baseline === 'concurrent' && oldVersionGone(settings, state)) return 'baseline-gone'
  return more.kind === 'between' ? 'between-tolerances' : 'too-little'
}

/** Whether anything was there to compare the new version with. */
function hasBaseline({ parts }: WatchSettings, { parts: states, serving }: WatchState): boolean {
  return parts.some(({ comparisons }, index) =>
    comparisons.some((comparison, which) =>
      comparison.with === 'concurrent'
        ? serving.readySeconds.old > 0 || (states[index]?.comparisons[which]?.tested.length ?? 0) > 0
        : comparison.worse !== undefined || comparison.fine.length > 0
    )
  )
}

const AWAITED: Readonly<Record<Bar, string>> = {
  'source-gone': 'numbers: the source does not answer',
  'new-pods-unreadable': 'pods of the new version that can’t be read',
  'no-traffic': 'requests to the new version',
  'new-version-starved': 'the new version to get its share of the traffic'
}

function awaited(settings: WatchSettings, state: WatchState, more: Missing): string {
  const [bar] = barsToPass(settings, state)
  if (bar !== undefined) return AWAITED[bar]
  if (!hasBaseline(settings, state)) return 'something to compare with'
  const left = settings.soakSeconds - (state.counting.at - settings.counting.from) / 1_000
  if (left > 0 && provenMargins(settings, state) !== undefined) return `the end of the soak, in ${span(left)}`
  if (settings.baseline === 'concurrent' && oldVersionGone(settings, state)) return 'nothing more to compare with: the old version is gone'
  if (more.kind !== 'requests') return 'a clearer difference'
  return `evidence: about ${about(more.requests)} more requests of the new version (${span(more.seconds)})`
}
