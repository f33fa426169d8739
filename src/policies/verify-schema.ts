import { type TSchema, Type } from 'typebox'
import { NAMED } from './metrics/table.ts'
import { closed, count, duration, THRESHOLD, text } from './schema-parts.ts'

const failWhen = Type.String({
  pattern: THRESHOLD,
  description: 'When the number means the symptom is there: a comparison and a number, such as "> 0.05" or "> 5%".'
})

const shared = {
  name: Type.Optional(text('What people read in the timeline.')),
  samples: Type.Optional(count(1, 'How many samples must agree before a write; default 2.')),
  every: Type.Optional(duration('Time between them; default 15s.')),
  maxAge: Type.Optional(duration('How old the newest sample behind the query may be; default 2m.'))
}

const promql = text('A query for one number. Templates only inside the quotes of label matchers.')

const written = {
  traffic: Type.Optional(
    Type.Object(
      { promql: text('A query for the traffic.'), atLeast: Type.Number({ description: 'Below this the number decides nothing.' }) },
      closed
    )
  ),
  window: Type.Optional(duration('How far back the query looks; needed where its text cannot tell.'))
}

/** The schema of one query for the loader, which then checks whether it is a text or a named metric, and what belongs to that. */
export const OpenVerifySchema = Type.Object(
  {
    ...shared,
    promql: Type.Optional(promql),
    failWhen: Type.Optional(failWhen),
    ...written,
    use: Type.Optional(text('A metric’s name.')),
    with: Type.Optional(Type.Unknown())
  },
  closed
)

/** The schema of one query for editors: a text, or a named metric with its own options. */
export function publishedVerifySchema(): TSchema {
  const named = NAMED.map(metric =>
    Type.Object(
      {
        ...shared,
        use: Type.Literal(metric.name, { description: metric.title }),
        with: mayBeAbsent(metric.with) ? Type.Optional(metric.with) : metric.with,
        failWhen: metric.failWhen === undefined ? failWhen : Type.Optional(failWhen)
      },
      closed
    )
  )
  return Type.Union([Type.Object({ ...shared, promql, failWhen, ...written }, closed), ...named])
}

function mayBeAbsent(schema: { readonly required?: readonly string[] }): boolean {
  return (schema.required ?? []).length === 0
}
