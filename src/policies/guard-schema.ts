import { type TSchema, Type } from 'typebox'
import type { Blame } from '../domain/action.ts'
import { GUARDED_KINDS } from '../domain/guard-entries.ts'
import { METRICS_BY_POD } from '../domain/named-metrics.ts'
import type { TargetKind } from '../domain/objects.ts'
import { BudgetSchema, ConfirmSchema, closed, duration, EscalateSchema, GUARD_MODE, NAME, text } from './schema-parts.ts'

const BoundsSchema = Type.Object(
  {
    tolerate: Type.Optional(text('The widest tolerance, such as "x2 + 0.5pp"; that is the default.')),
    objective: Type.Optional(text('The loosest objective: the share of bad requests that it allows, such as "1%"; default 5%.')),
    metrics: Type.Optional(
      Type.Array(Type.Enum([...METRICS_BY_POD]), {
        description: 'The metrics that may be asked for by name; default: all of these, which are counted pod by pod.'
      })
    )
  },
  { ...closed, description: 'What who starts a guard may choose.' }
)

export const guardStepFields = { confirm: Type.Optional(ConfirmSchema) }

/** Whether a guard may take the action: it goes back to an earlier version, on every kind that a guard watches. */
export function isForGuards({ blames, kinds }: { readonly blames: Blame; readonly kinds: readonly TargetKind[] }): boolean {
  return blames !== 'nothing' && GUARDED_KINDS.every(kind => kinds.includes(kind))
}

/** The schema of an entry of `guards:`, with a schema of its steps. */
export function guardSchema<Step extends TSchema>(step: Step) {
  return Type.Object(
    {
      name: Type.String({ ...NAME, description: 'Unique among guards and policies; lower-case letters, digits, dashes.' }),
      namespaces: Type.Optional(
        Type.Array(text('A namespace, or a glob such as team-*.'), {
          minItems: 1,
          description:
            'Whose guards it rules, and where they may write; default defaults.guards.namespaces. The first entry that names one rules.'
        })
      ),
      mode: Type.Optional(GUARD_MODE),
      steps: Type.Optional(
        Type.Array(step, { minItems: 1, description: 'A ladder of actions that go back to an earlier version; default rollout-undo.' })
      ),
      bounds: Type.Optional(BoundsSchema),
      cooldown: Type.Optional(duration('Between two runs on a target; default 30m.')),
      budgets: Type.Optional(Type.Array(BudgetSchema, { description: 'Limits of writes; they add to the defaults.' })),
      escalate: Type.Optional(EscalateSchema),
      recheck: Type.Optional(duration('How often a waiting run is looked at again; default 30s.'))
    },
    closed
  )
}
