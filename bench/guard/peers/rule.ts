import type { Seen } from '../trace.ts'

/** What a peer does with what the scrapes showed: seconds until it rolls back, undefined if it does not. */
export type Rule = (seen: Seen, ticks: number) => number | undefined
