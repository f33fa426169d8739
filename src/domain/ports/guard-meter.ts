import type { DeployGuardResult } from '../deploy-guard.ts'

/** How a look ended: it was kept; it failed in a way that nobody foresaw, and is made again; or another process has the guard by now. */
export const GUARD_LOOKS = ['kept', 'failed', 'lost'] as const
export type GuardLook = (typeof GUARD_LOOKS)[number]

/** Counts what guards do, for Astern’s own metrics. */
export interface GuardMeter {
  looked(result: GuardLook, seconds: number): void
  ended(result: DeployGuardResult): void
}
