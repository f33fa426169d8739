import type { Sight } from '../domain/blindness.ts'

/** For how long it must be so before people are told that Astern is blind, and that it sees again, milliseconds. */
export interface Patience {
  readonly begin: number
  readonly end: number
}

/** What was seen until now. A restart forgets it, and then everything is looked at for a while before it counts. */
export interface Seen {
  readonly blindSince?: number
  readonly seesSince?: number
}

export type Step = 'stay' | 'begin' | 'end'

/**
 * Decides what one look comes to. What is unknown proves nothing: it begins nothing and ends nothing. What nobody asks for any more ends.
 * @param begun whether people were told that Astern is blind
 */
export function lookedOn(
  before: Seen,
  { sight, begun, now }: { readonly sight: Sight; readonly begun: boolean; readonly now: number },
  patience: Patience
): { readonly seen: Seen; readonly step: Step } {
  switch (sight.kind) {
    case 'off':
      return { seen: {}, step: begun ? 'end' : 'stay' }
    case 'unknown':
      return { seen: before, step: 'stay' }
    case 'blind': {
      const blindSince = before.blindSince ?? now
      return { seen: { blindSince }, step: !begun && now - blindSince >= patience.begin ? 'begin' : 'stay' }
    }
    case 'sees': {
      const seesSince = before.seesSince ?? now
      return { seen: { seesSince }, step: begun && now - seesSince >= patience.end ? 'end' : 'stay' }
    }
  }
}
