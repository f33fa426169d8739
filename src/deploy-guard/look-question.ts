import { SECOND } from '../base/clock.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import type { CountingState } from '../verification/sequential/counting/counting.ts'
import type { NumberSource, Unsaid } from '../verification/sequential/counting/number-source.ts'
import type { Look, Scrape, Version } from '../verification/sequential/counting/scrape.ts'
import { sourceOf } from '../verification/sequential/counting/source.ts'
import { TOO_CLOSE } from '../verification/series/one-replica.ts'
import type { PreparedWatch } from './prepared-watch.ts'

export interface LookQuestion {
  readonly watch: PreparedWatch
  readonly source: Pick<NumberSource, 'scrapes'>
  /** The counting so far: what was seen before is asked for no more. */
  readonly counting: CountingState
  /** The pods as they are now, those that are gone since the deploy among them. */
  readonly pods: readonly GuardedPod[]
  /** The instant that is looked at: `nextLook`. */
  readonly to: number
  /** Whose requests a proxy’s are, which tells no versions apart; the new version’s where it is absent. */
  readonly serves?: Version
}

export interface MadeLook {
  /** Without scrapes where the source did not answer: time goes on, and the judge tells when a source is gone. */
  readonly look: Look
  /** Why there are no numbers. */
  readonly unsaid?: { readonly because: Unsaid; readonly detail: string }
}

/** Scrapes that were looked at are asked for once more: a fall shows against the one before it. Blocks. */
const OVERLAP = 2

/** Before the deploy, at least so far is looked for the old pods’ last scrape, milliseconds. */
const BEFORE_MS = 60 * SECOND

/** A look reaches back at most so many blocks. */
const LONGEST_BLOCKS = 20

/** From when on scrapes are asked for. */
export function askedSince({ watch, counting, to }: Pick<LookQuestion, 'watch' | 'counting' | 'to'>): number {
  const { from, blockSeconds } = watch.settings.counting
  const overlap = OVERLAP * blockSeconds * SECOND
  const since = counting.at < from ? from - Math.max(overlap, BEFORE_MS) : Math.min(counting.at, counting.heardAt) - overlap
  // A source that was away for long has what the counters had then: what is older adds nothing.
  return Math.max(since, to - Math.max(LONGEST_BLOCKS * blockSeconds * SECOND, BEFORE_MS))
}

/**
 * Scrapes without another replica’s copies of what was counted already. The last counted scrape of a pod that misses some leaves the window
 * of the question at last, and the copy a few milliseconds later is still in it: it would look like a new scrape from elsewhere, with which
 * counting begins anew.
 */
export function withoutCopies(
  scrapes: readonly Scrape[],
  { watch, counting }: Pick<LookQuestion, 'watch' | 'counting'>
): readonly Scrape[] {
  const close = TOO_CLOSE * watch.settings.counting.blockSeconds * SECOND
  return scrapes.filter(({ pod, at }) => {
    const counted = counting.pods[pod]?.at
    return counted === undefined || at <= counted || at >= counted + close
  })
}

/**
 * What a first look contains: of each pod the last scrape from before the deploy, from which it is counted, and all later ones. What was
 * before that does not matter, and a restart then would not be known.
 */
export function firstScrapes(scrapes: readonly Scrape[], deployedAt: number): readonly Scrape[] {
  const before = scrapes.filter(({ at }) => at <= deployedAt)
  const last = new Map<string, Scrape>()
  for (const scrape of before) {
    const target = `${scrape.pod} ${scrape.series.map(({ labels }) => sourceOf(labels)).toSorted()[0] ?? ''}`
    if ((last.get(target)?.at ?? Number.NEGATIVE_INFINITY) < scrape.at) last.set(target, scrape)
  }
  return [...last.values(), ...scrapes.filter(({ at }) => at > deployedAt)]
}
