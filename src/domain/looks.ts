import type { ObjectRef } from './objects.ts'

/**
 * What the looks at a target saw of its rollout, as the ledger keeps it: so the second look knows of the first, whichever run or
 * process made it. Instants are Astern's clock.
 */
export interface Looks {
  /** When the newest of them was. */
  readonly at: number
  /** The uid of the target. */
  readonly uid: string
  /** The containers that were in back-off, and were not ready at any look since. */
  readonly backOffs: readonly SeenBackOff[]
  /** Since when the controller cannot make pods, while none is on its way out whose room they may get. */
  readonly refusedSince?: number
  /** How far the rollout of this generation had come at best, and since when it came no further. */
  readonly best?: Best
  /** The first look at which the rollout of this template was complete and all its pods available. */
  readonly complete?: { readonly identity: string; readonly at: number }
}

/** A container by the uid of its pod, and the first look that saw it in back-off. */
export interface SeenBackOff {
  readonly pod: string
  readonly container: string
  readonly since: number
}

interface Best {
  readonly generation: number
  readonly seen: boolean
  readonly updated: number
  readonly ready: number
  readonly since: number
}

/** The looks at one target. */
export interface TargetLooks {
  readonly target: ObjectRef
  readonly looks: Looks
}
