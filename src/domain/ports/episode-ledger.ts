import type { Incident } from '../incident.ts'

/** An open incident whose run ended at `endedAt`, and of which a sender named a later start. */
export interface LaterStart {
  readonly incident: Incident
  readonly endedAt: number
  readonly start: number
}

export interface EpisodeLedger {
  /** Those that are due come first. */
  laterStarts(now: number, limit: number): Promise<readonly LaterStart[]>
  /** Looks at the incident again at that instant. */
  lookLater(incidentId: string, at: number): Promise<void>
  /** It is the same episode still: this later start is forgotten, until a sender names it again. Another one is not. */
  sameEpisode(later: LaterStart): Promise<void>
  /** Ends the incident, and opens one of its own for the episode that began since. */
  nextEpisode(incidentId: string, now: number): Promise<void>
}
