import { Type } from 'typebox'
import { BUDGET_SCOPES } from '../domain/policy.ts'

export const closed = { additionalProperties: false }
/** Prometheus' durations from one second up (rules 7). Shorter ones would only cost queries. */
export const DURATION = '^(?=.*[1-9])([0-9]+(s|m|h|d|w|y))+$'

export const duration = (description: string) =>
  Type.String({ pattern: DURATION, description: `${description} Prometheus’ duration, such as 30s or 1h30m.` })
export const text = (description: string) => Type.String({ minLength: 1, description })
export const count = (minimum: number, description: string) => Type.Integer({ minimum, description })

export const BudgetSchema = Type.Object(
  {
    limit: count(1, 'Writes at most.'),
    per: duration('Within this time.'),
    scope: Type.Enum([...BUDGET_SCOPES], { description: 'What is counted together.' })
  },
  closed
)

export const ModeSchema = Type.Enum(['off', 'dry-run', 'auto'], {
  description: 'How far the policy goes. dry-run decides everything and writes nothing.'
})

export const GUARD_MODE = Type.Enum(['off', 'dry-run', 'auto'], {
  description: 'How far a guard that fails goes. dry-run decides everything and writes nothing.'
})

/** What names of policies and guards are like. */
export const NAME = { pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', maxLength: 63 } as const

/** A comparison and a number, as the schema can tell it. */
export const THRESHOLD = '^\\s*(>=|<=|==|!=|>|<)\\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\\s*%?\\s*$'

export const ConfirmSchema = Type.Object(
  {
    within: Type.Optional(duration('Time to recover; default 10m.')),
    passes: Type.Optional(count(1, 'Passing samples in a row; default 3.')),
    every: Type.Optional(duration('Time between them; default 30s.'))
  },
  closed
)

export const EscalateSchema = Type.Object(
  {
    after: Type.Optional(duration('People are told this long after the alert first came in, whatever happens; default 20m.')),
    to: Type.Optional(Type.Array(text('A channel’s name.'), { description: 'Channels; auto needs at least one.' }))
  },
  closed
)
