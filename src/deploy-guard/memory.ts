import type { DeployGuard } from '../domain/deploy-guard.ts'
import type { WatchState } from '../verification/sequential/judge.ts'
import { type FailFastState, NOTHING_SEEN } from './fail-fast-memory.ts'
import { NO_PODS, type PodMemory } from './pod-memory.ts'
import type { PreparedWatch } from './prepared-watch.ts'

/** What a guard counts by, and what it counted so far. */
export interface Watching {
  readonly watch: PreparedWatch
  readonly state: WatchState
}

/** All that a guard remembers between two looks. Plain JSON: it goes on after a restart as if there had been none. */
export interface GuardMemory {
  readonly pods: PodMemory
  readonly failures: FailFastState
  /** Absent until something can be counted. */
  readonly watching?: Watching
  /** Why nothing can be counted, once that is certain. */
  readonly cannot?: string
  /** Why counting ended, where the pods had too many series. What was counted is not kept then. */
  readonly tooMuch?: string
  /** When the failure was found, Astern's clock. */
  readonly failedAt?: number
}

export const NOTHING_YET: GuardMemory = { pods: NO_PODS, failures: NOTHING_SEEN }

/** Reads what the ledger kept of a guard. It wrote it itself. */
export function memoryOf(text: string | undefined): GuardMemory {
  return text === undefined ? NOTHING_YET : (JSON.parse(text) as GuardMemory)
}

/** A guard, and what it remembers. */
export interface Remembered {
  readonly guard: DeployGuard
  readonly memory: GuardMemory
}
