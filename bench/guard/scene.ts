import { DEFAULTS } from '../../src/verification/sequential/settings.ts'

/** Seconds of one tick: everything that is drawn is drawn for a tick. */
export const TICK = 5

/** How errors come, where they don't come independently. */
export type Noise =
  /** In clusters of five on the average. */
  | { readonly kind: 'clusters' }
  /** A gamma multiplier for each minute: of both versions together, of each pod, or of each version. */
  | { readonly kind: 'minutes'; readonly of: 'both' | 'pod' | 'version'; readonly variation: number }
  /** Single pods have ten times the errors for 30 s, every ten minutes on the average. */
  | { readonly kind: 'pod-bursts' }
  /** Pods differ for good: log-normal, σ 0.3. */
  | { readonly kind: 'lasting' }

/** How the new version differs from the old one. */
export type Change =
  | { readonly kind: 'none' }
  /** As much worse as is tolerated, and no more. */
  | { readonly kind: 'edge' }
  | { readonly kind: 'times'; readonly times: number; readonly from?: number }
  | { readonly kind: 'share'; readonly share: number; readonly from?: number }
  /** Its start goes wrong, and then it is as good as the old one. */
  | { readonly kind: 'blip'; readonly share: number; readonly seconds: number }
  /** As much worse as a pass tolerates, and no less. */
  | { readonly kind: 'pass-edge' }

/** One cell of the benchmark. */
export interface Scene {
  readonly name: string
  /** Requests per second of each version when both have the same; together they always have twice as many. */
  readonly perSecond: number
  /** The share of the traffic that the new version has, `seconds` after the deploy. */
  readonly newShare: (seconds: number) => number
  /** The old version’s share of bad requests, at first. */
  readonly base: number
  /** What it is multiplied with later, for both versions. */
  readonly level?: (seconds: number) => number
  readonly noise?: Noise
  readonly change: Change
}

/** The new version’s share of bad requests where the old one’s is `old`. */
export function changed(change: Change, old: number, seconds: number): number {
  switch (change.kind) {
    case 'none':
      return old
    case 'edge':
      return DEFAULTS.tolerated.ratio * old + DEFAULTS.tolerated.add
    case 'pass-edge':
      return Math.min(1, DEFAULTS.fine[1].ratio * old + DEFAULTS.fine[1].add)
    case 'times':
      return seconds >= (change.from ?? 0) ? change.times * old : old
    case 'share':
      return seconds >= (change.from ?? 0) ? change.share : old
    case 'blip':
      return seconds < change.seconds ? change.share : old
  }
}
