/** What the counters of one pod were at one scrape, by series. */
export interface CountersAt {
  readonly at: number
  readonly values: ReadonlyMap<string, number>
}

export interface KnownRestarts {
  /** Restarts that were counted already. */
  readonly before: number
  /** Up to when falls are explained already. */
  readonly explainedTo?: number
  /** Restarts that the cluster tells of. */
  readonly now: number
  /** Whether scrapes that come after these may be the ones to show a restart that the cluster told of. */
  readonly others: 'may-show' | 'come-too-late'
}

/**
 * How many restarts came before each scrape, oldest first. The cluster tells how many there were until now, and not when: a restart
 * belongs to the scrape in which counters fell. The latest falls are the restarts, for earlier ones were told of earlier. More falls
 * than restarts stay unexplained: they are two processes behind one address.
 */
export function restartsAt(
  scrapes: readonly CountersAt[],
  { before, explainedTo = Number.NEGATIVE_INFINITY, now, others }: KnownRestarts
): readonly number[] {
  const news = Math.max(0, now - before)
  if (news === 0) return scrapes.map(() => now)
  const falls = scrapes.flatMap((scrape, index) => (scrape.at > explainedTo && fell(scrapes[index - 1], scrape) ? [index] : []))
  const shown = falls.slice(-news)
  // A restarted container may have grown beyond its old counters; then only a series that is gone tells of it.
  if (shown.length === 0) {
    const vanished = scrapes.findIndex((scrape, index) => scrape.at > explainedTo && lost(scrapes[index - 1], scrape))
    if (vanished !== -1) shown.push(vanished)
  }
  return scrapes.map((_, index) => {
    const shownSofar = shown.filter(fall => fall <= index).length
    const last = index === scrapes.length - 1
    if (shown.length === 0) return last && others === 'come-too-late' ? now : before
    // Restarts that no counter shows any more came with the last one that does.
    return shownSofar === shown.length && others === 'come-too-late' ? now : before + shownSofar
  })
}

function fell(earlier: CountersAt | undefined, later: CountersAt): boolean {
  return earlier !== undefined && [...later.values].some(([key, value]) => value < (earlier.values.get(key) ?? 0))
}

function lost(earlier: CountersAt | undefined, later: CountersAt): boolean {
  return earlier !== undefined && [...earlier.values].some(([key, value]) => value > 0 && !later.values.has(key))
}
