import { MINUTE } from '../../base/clock.ts'
import type { Scrape } from '../sequential/counting/scrape.ts'

/** Whoever asks does so every few seconds, or begins anew after a restart. */
const KEPT_MS = 10 * MINUTE
/** Series of all scrapes together. Their labels are kept once for all scrapes of a pod, so that these are some 30 MB. */
const KEPT_SERIES = 400_000

export interface KeptScrape {
  readonly scrape: Scrape
  /** The address that answered: it may be another pod's soon. */
  readonly ip?: string
}

/** Keeps what was read of pods, the newest of it: bounded in time and in size. */
export interface ScrapeRing {
  add(kept: KeptScrape): void
  /** What was read after the one and up to the other instant, the oldest first. */
  between(from: number, to: number): readonly KeptScrape[]
  clear(): void
}

export function createScrapeRing(
  limits: { readonly ms: number; readonly series: number } = { ms: KEPT_MS, series: KEPT_SERIES }
): ScrapeRing {
  let kept: KeptScrape[] = []
  let size = 0
  return {
    add(more) {
      kept.push(more)
      size += sizeOf(more)
      const from = more.scrape.at - limits.ms
      let gone = 0
      for (const oldest of kept) {
        // The newest one stays, however long it is.
        if ((size <= limits.series && oldest.scrape.at >= from) || oldest === more) break
        size -= sizeOf(oldest)
        gone += 1
      }
      if (gone > 0) kept = kept.slice(gone)
    },
    between: (from, to) => kept.filter(({ scrape }) => scrape.at > from && scrape.at <= to).sort((a, b) => a.scrape.at - b.scrape.at),
    clear() {
      kept = []
      size = 0
    }
  }
}

/** A pod that shows nothing of what is counted takes room, too. */
function sizeOf({ scrape }: KeptScrape): number {
  return scrape.series.length + 1
}
