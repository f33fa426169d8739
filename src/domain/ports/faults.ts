/** Named points of the flow where a test may kill the process. In production every one is a no-op. */
export const FAULT_POINTS = [
  'delivery-received',
  /** A part of a large delivery is stored, and others are still to come. */
  'delivery-part-stored',
  'delivery-stored',
  'incident-admitted',
  'verified',
  'planned',
  'intent-stored',
  'before-write',
  'after-write',
  'write-recorded',
  'rollout-complete',
  'confirmed',
  'concluded',
  'message-sent',
  /** A deploy guard has looked, and nothing of the look is kept yet. */
  'guard-looked',
  'guard-counted',
  /** What it saw is kept, with the run that it begins. */
  'guard-kept',
  'before-return',
  'after-return',
  'before-give-up',
  'after-give-up'
] as const
export type FaultPoint = (typeof FAULT_POINTS)[number]

export interface Faults {
  reach(point: FaultPoint): void
}

export const noFaults: Faults = { reach: () => {} }
