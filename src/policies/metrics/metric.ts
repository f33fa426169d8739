import { type Static, type TObject, Type } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { parseDuration } from '../../base/duration.ts'
import type { NamedMetric } from '../../domain/named-metrics.ts'
import type { MatcherParts, QueryParts } from '../../templates/write-promql.ts'
import { duration, text } from '../schema-parts.ts'
import { readWhere } from './where.ts'

/** What a named metric asks. */
export interface MetricQuery {
  readonly promql: QueryParts
  /** What proves that there is anything to judge. Absent where the query itself has no number without it. */
  readonly traffic?: { readonly of: QueryParts; readonly atLeast: number }
  /** The counters that a share of bad requests is made of, for who counts them by itself. */
  readonly counts?: {
    readonly metric: string
    readonly matchers: readonly MatcherParts[]
    readonly statusLabel: string
    readonly bad: string
  }
}

/** One named metric: the options that it takes, and the query that it makes of them. */
export interface MetricDescription<T extends TObject> {
  readonly name: NamedMetric
  /** One line for editors and docs. */
  readonly title: string
  /** What has to be there, for docs. */
  readonly needs: string
  /** What else one should know, for docs: sentences. */
  readonly notes?: readonly string[]
  readonly with: T
  /** The threshold where a policy says none. Absent: a policy has to say one. */
  readonly failWhen?: string
  /** Options that show the query in docs, where it has options that must be said. */
  readonly example?: Static<T>
  /** Says what is wrong in options that keep the schema. */
  check?(options: Static<T>): string | undefined
  query(options: Static<T>, where: readonly MatcherParts[]): MetricQuery
}

export type MadeQuery = { readonly kind: 'query'; readonly query: MetricQuery } | { readonly kind: 'wrong'; readonly problem: string }

/** A named metric as the loader knows it, whatever its options are. */
export interface Metric extends Pick<MetricDescription<TObject>, 'name' | 'title' | 'needs' | 'notes' | 'with' | 'failWhen' | 'example'> {
  readonly validator: Validator<Record<string, never>, TObject>
  /** Makes the query of options that were checked by the schema. */
  make(options: unknown): MadeQuery
}

/** Makes a metric usable without the type of its options. Only here a `with:` becomes options, by the metric’s schema. */
export function metric<T extends TObject>(description: MetricDescription<T>): Metric {
  const { name, title, needs, notes = [], failWhen, example } = description
  const validator = Compile(description.with)
  return {
    name,
    title,
    needs,
    notes,
    with: description.with,
    ...(failWhen === undefined ? {} : { failWhen }),
    ...(example === undefined ? {} : { example }),
    validator: Compile<TObject>(description.with),
    make(options) {
      if (!validator.Check(options)) throw new Error(`the options of ${name} were not checked at load`)
      const where = readWhere(options)
      if ('problem' in where) return { kind: 'wrong', problem: where.problem }
      const problem = description.check?.(options)
      return problem === undefined ? { kind: 'query', query: description.query(options, where.matchers) } : { kind: 'wrong', problem }
    }
  }
}

/** A label’s or a metric’s name. A recording rule (a colon) has no rate to take: such a query is written as a text. */
const nameOf = (description: string) => Type.String({ pattern: '^[a-zA-Z_][a-zA-Z0-9_.]*$', description })

export const metricName = (usual: string) => Type.Optional(nameOf(`The metric’s name; default ${usual}.`))
export const labelName = (what: string, usual: string) => Type.Optional(nameOf(`The label that has ${what}; default ${usual}.`))

export const whereField = Type.Array(text('A matcher, such as job="api" or path!~"/health.*".'), {
  minItems: 1,
  description: 'More matchers of the series; all must hold. Templates as in queries.'
})

/** How far back a rate looks where a policy says nothing: four scrapes of 30 s. */
export const USUAL_WINDOW = '2m'
export const windowField = Type.Optional(duration(`How far back it looks; default ${USUAL_WINDOW}.`))

/** Requests a second. Below one, a single error in two minutes is a large share. */
export const USUAL_TRAFFIC = 1
export const atLeastField = Type.Optional(
  Type.Number({ minimum: 0, description: `Requests a second; with fewer nothing is decided; default ${USUAL_TRAFFIC}.` })
)

/** The labels that tell pods apart. */
export const podFields = {
  podLabel: labelName('the pod’s name', 'pod'),
  namespaceLabel: labelName('its namespace', 'namespace')
}

/** Only the suspect’s pods, so that the numbers of no other version come in. */
export function ofPods({
  podLabel = 'pod',
  namespaceLabel = 'namespace'
}: {
  readonly podLabel?: string
  readonly namespaceLabel?: string
}): readonly MatcherParts[] {
  return [ofNamespace(namespaceLabel), { label: podLabel, operator: '=~', value: '{{ target.pods }}' }]
}

export function ofNamespace(label: string): MatcherParts {
  return { label, operator: '=', value: '{{ target.namespace }}' }
}

/** Milliseconds of a duration that the schema has checked. */
export function span(written: string): number {
  const ms = parseDuration(written)
  if (ms === undefined) throw new Error(`duration was not checked at load: ${written}`)
  return ms
}
