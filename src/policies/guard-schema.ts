import { type TSchema, Type } from 'typebox'
import type { Blame } from '../domain/action.ts'
import { GUARDED_KINDS } from '../domain/guard-entries.ts'
import { NAMED_METRICS } from '../domain/named-metrics.ts'
import type { TargetKind } from '../domain/objects.ts'
import type { METRICS_OF_ENTRIES } from './guard-metrics.ts'
import { BURN_RATE } from './metrics/burn-rate.ts'
import { KUBERNETES_RESTARTS, QUEUE_LAG } from './metrics/gauges.ts'
import { ENVOY, INGRESS_NGINX, ISTIO } from './metrics/proxies.ts'
import { BudgetSchema, ConfirmSchema, closed, duration, EscalateSchema, GUARD_MODE, NAME, text } from './schema-parts.ts'

const BoundsSchema = Type.Object(
  {
    tolerate: Type.Optional(text('The widest tolerance, such as "x2 + 0.5pp"; that is the default.')),
    objective: Type.Optional(text('The loosest objective: the share of bad requests that it allows, such as "1%"; default 5%.')),
    metrics: Type.Optional(
      Type.Array(Type.Enum([...NAMED_METRICS]), {
        description: 'The metrics that may be asked for by name; default: all that have a usual query, or options in this entry.'
      })
    )
  },
  { ...closed, description: 'What who starts a guard may choose.' }
)

/**
 * The options of the metrics that are not counted pod by pod, as docs/metrics.md has them. What is counted block by block has no window,
 * and the judge says itself how many requests it needs.
 */
const MetricsSchema = Type.Object(
  {
    'ingress-nginx': Type.Optional(Type.Omit(INGRESS_NGINX.with, ['window', 'atLeast'], closed)),
    envoy: Type.Optional(Type.Omit(ENVOY.with, ['window', 'atLeast'], closed)),
    istio: Type.Optional(Type.Omit(ISTIO.with, ['window', 'atLeast'], closed)),
    'kubernetes-restarts': Type.Optional(KUBERNETES_RESTARTS.with),
    'queue-lag': Type.Optional(QUEUE_LAG.with),
    'burn-rate': Type.Optional(Type.Omit(BURN_RATE.with, ['atLeast'], closed))
  } satisfies Readonly<Record<(typeof METRICS_OF_ENTRIES)[number], TSchema>>,
  { ...closed, description: 'Options of metrics of proxies, and of metrics that are only reported.' }
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
      metrics: Type.Optional(MetricsSchema),
      cooldown: Type.Optional(duration('Between two runs on a target; default 30m.')),
      budgets: Type.Optional(Type.Array(BudgetSchema, { description: 'Limits of writes; they add to the defaults.' })),
      escalate: Type.Optional(EscalateSchema),
      recheck: Type.Optional(duration('How often a waiting run is looked at again; default 30s.'))
    },
    closed
  )
}
