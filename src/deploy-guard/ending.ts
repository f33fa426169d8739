import { audited } from '../domain/audited.ts'
import type { DeployGuard, DeployGuardResult } from '../domain/deploy-guard.ts'
import type { GuardSave } from '../domain/ports/guard-ledger.ts'
import type { GuardMemory, Remembered } from './memory.ts'

/** Looks again at an instant. */
export function lookAgain({ guard, memory }: Remembered, nextAt: number, awaits?: string): GuardSave {
  const { awaits: _before, ...rest } = guard
  return { guard: { ...rest, nextAt, ...(awaits === undefined ? {} : { awaits }) }, memory: textOf(memory), audit: [] }
}

/** Ends a guard with its result, and the sentence that goes with it. */
export function endGuard({ guard, memory }: Remembered, result: DeployGuardResult, detail: string, at: number): GuardSave {
  const { awaits: _over, ...rest } = guard
  const ended: DeployGuard = { ...rest, state: 'ended', result, detail, endedAt: at, nextAt: at }
  const entry = audited.guardEnded(
    { at, runId: guard.run?.id },
    {
      guard: guard.id,
      target: guard.target,
      result,
      detail,
      grounds: guard.standing?.text ?? [],
      ...(guard.run === undefined ? {} : { run: guard.run.id })
    }
  )
  return { guard: ended, memory: textOf(memory), audit: [entry] }
}

/** A guard’s memory as the ledger keeps it. */
export function textOf(memory: GuardMemory): string {
  return JSON.stringify(memory)
}
