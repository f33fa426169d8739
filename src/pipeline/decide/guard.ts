import type { Guard, GuardInput } from '../../domain/guard.ts'
import type { Refusal } from '../../domain/reasons.ts'
import type { Resolved } from './resolve.ts'
import { next, type Stage, stop } from './stage.ts'

/** The reason of the first guard that refuses; undefined where none does. */
export function firstRefusal(guards: readonly Guard[], input: GuardInput): Refusal | undefined {
  for (const guard of guards) {
    const refusal = guard.check(input)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/** A stage that asks a list of guards, in order. */
export function guardStage<T extends Resolved>(name: string, guards: readonly Guard[]): Stage<T, T> {
  return {
    name,
    async run(input) {
      const refusal = firstRefusal(guards, input.guardInput)
      return refusal === undefined ? next(input) : stop(refusal)
    }
  }
}
