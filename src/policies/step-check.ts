import { Compile } from 'typebox/compile'
import { GUARDED_KINDS } from '../domain/guard-entries.ts'
import type { TargetKind } from '../domain/objects.ts'
import { isForGuards } from './guard-schema.ts'
import { didYouMean, type Finding, type Path, schemaFindings } from './problem.ts'
import type { ActionSchema } from './schema.ts'

/** What the loader needs to know of an action. */
export interface LoadableAction extends ActionSchema {
  readonly check?: (value: unknown) => string | undefined
}

/** Checks what no schema can say of a step: whether its action is known, with these options, for this kind of target or for a guard. */
export type StepCheck = (action: string, value: unknown, on: TargetKind | 'guard', path: Path) => readonly Finding[]

/** Makes the check of steps for these actions. */
export function stepChecker(actions: readonly LoadableAction[]): StepCheck {
  const validators = new Map(actions.map(action => [action.name, { schema: action.with, validator: Compile(action.with), action }]))
  return (name, value, on, path) => {
    const known = validators.get(name)
    const possible = on === 'guard' ? actions.filter(isForGuards).map(action => action.name) : [...validators.keys()]
    if (known === undefined) return [{ path: [...path, 'action'], message: `there is no action "${name}"; ${didYouMean(name, possible)}` }]
    const findings = schemaFindings(known.validator, known.schema, value, [...path, 'with'])
    if (findings.length > 0) return findings
    const wrong = known.action.check?.(value)
    const unfit = unfitness(known.action, on, possible)
    return [
      ...(wrong === undefined ? [] : [{ path: [...path, 'with'], message: wrong }]),
      ...(unfit === undefined ? [] : [{ path: [...path, 'action'], message: unfit }])
    ]
  }
}

function unfitness(action: LoadableAction, on: TargetKind | 'guard', possible: readonly string[]): string | undefined {
  const { name, kinds, blames } = action
  if (on !== 'guard') return kinds.includes(on) ? undefined : `${name} works on ${kinds.join(', ')}, not on a ${on}`
  if (isForGuards(action)) return undefined
  const why =
    blames === 'nothing'
      ? `${name} goes back to no earlier version, and a guard judges versions`
      : `${name} works on ${kinds.join(', ')}, and a guard watches ${GUARDED_KINDS.join(', ')}`
  return `${why}: take ${possible.join(' or ')}`
}
