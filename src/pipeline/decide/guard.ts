import type { Guard, GuardInput } from '../../domain/guard.ts'
import type { Refusal } from '../../domain/reasons.ts'
import { next, type Stage, stop } from './stage.ts'

/** The reason of the first guard that refuses; undefined where none does. */
export function firstRefusal<Input>(guards: readonly Guard<Input>[], input: Input): Refusal | undefined {
  for (const guard of guards) {
    const refusal = guard.check(input)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/** A stage that asks a list of guards, in order. */
export function guardStage<Input extends GuardInput, T extends { readonly guardInput: Input }>(
  name: string,
  guards: readonly Guard<Input>[]
): Stage<T, T> {
  return {
    name,
    async run(input) {
      const refusal = firstRefusal(guards, input.guardInput)
      return refusal === undefined ? next(input) : stop(refusal)
    }
  }
}
