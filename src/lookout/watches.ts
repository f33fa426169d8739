import type { Sight } from '../domain/blindness.ts'
import { isBlind, type WatchState, watchedThing } from '../domain/watch-state.ts'

/** How many are named in a message. */
const NAMED = 3

/** Judges the watches of the cluster. A first list that is under way is no blindness yet. */
export function watchesSight(watches: readonly WatchState[]): Sight {
  if (watches.length === 0) return { kind: 'off' }
  const blind = watches.filter(isBlind)
  if (blind.length > 0) {
    const more = blind.length - NAMED
    const told = blind
      .slice(0, NAMED)
      .map(watch => `${watchedThing(watch)}: ${watch.state}${watch.detail === '' ? '' : ` (${watch.detail})`}`)
    return { kind: 'blind', detail: [...told, ...(more > 0 ? [`and ${more} more`] : [])].join('; ') }
  }
  const listing = watches.filter(({ state }) => state === 'listing')
  return listing.length === 0
    ? { kind: 'sees', detail: `${watches.length} watches see` }
    : { kind: 'unknown', detail: `${listing.length} of ${watches.length} watches read their first list` }
}
