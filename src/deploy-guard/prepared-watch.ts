import { SECOND } from '../base/clock.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import type { NumberSource } from '../verification/sequential/counting/number-source.ts'
import type { WatchSettings } from '../verification/sequential/settings.ts'

/** A scrape is written down within two seconds of its beginning; later ones are counted with the next look. */
export const LAG_MS = 2 * SECOND

/** No block is longer than this, seconds. */
export const LONGEST_BLOCK = 300

/** All that a watch rests on, fixed before its first block. Plain data, kept with the guard. */
export interface PreparedWatch {
  readonly settings: WatchSettings
  /** The name of the source whose numbers are counted; it is never switched. */
  readonly source: string
  /** Whether a label tells probes from requests, or they are reckoned from the pods’ specs. */
  readonly probes: 'by-path' | 'by-spec'
  /** How often pods are scraped, seconds: a scrape asks for the metrics' path, and may be counted itself. */
  readonly intervalSeconds: number
  /** How long a scrape takes to arrive, milliseconds: looks are made so much later than the instant that they look at. */
  readonly lagMs: number
  /** Pods of the old version that served at the deploy, and were gone when the watch was prepared: each look has them as well. */
  readonly gone: readonly GuardedPod[]
  /** Where proxies are counted, and not pods. */
  readonly proxies?: CountedProxies
}

/** What a watch of proxies knows of the rollout. */
export interface CountedProxies {
  /** The last pod that the new version had to wait for, where the old one was gone before anybody asked, epoch milliseconds. */
  readonly aloneSince?: number
}

/** Why a watch can’t begin, now or later: a closed set, one sentence each. */
export const CANNOT_WATCH = {
  'unknown-metric': 'a guard knows no metric of that name',
  'metric-not-there': 'a metric that was asked for by name is not there',
  'nothing-countable': 'the pods have no series that can be counted',
  'no-old-version': 'there is no old version to compare with',
  'no-objective': 'there is no objective to compare with',
  'too-many-series': 'the pods have more series of what is counted than a guard remembers',
  'bad-numbers': 'the numbers of the request make no sense together',
  'source-refused': 'no source of numbers answers questions about these pods'
} as const
export type CannotWatch = keyof typeof CANNOT_WATCH

export type PreparedAnswer =
  | { readonly kind: 'ready'; readonly watch: PreparedWatch; readonly source: Pick<NumberSource, 'name' | 'scrapes'> }
  /** It may be so later. `awaits` names what is missing, for people. */
  | { readonly kind: 'not-yet'; readonly awaits: string }
  /** Waiting does not help. `remedy` says what does. */
  | { readonly kind: 'cannot'; readonly because: CannotWatch; readonly detail: string; readonly remedy: string }

export function cannot(because: CannotWatch, detail: string, remedy: string): Extract<PreparedAnswer, { kind: 'cannot' }> {
  return { kind: 'cannot', because, detail, remedy }
}
