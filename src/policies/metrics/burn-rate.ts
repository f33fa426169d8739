import { Type } from 'typebox'
import type { QueryParts } from '../../templates/write-promql.ts'
import { closed, duration, text } from '../schema-parts.ts'
import { BAD_HTTP } from './by-pod.ts'
import { atLeastField, labelName, metric, metricName, ofNamespace, span, USUAL_TRAFFIC, whereField } from './metric.ts'
import { badShare, requestRate } from './ratio.ts'

/** Short enough for a recovery to be confirmed within ten minutes. Alerts look at 5m and 1h, which tells of a recovery far too late. */
const SHORT = '2m'
const LONG = '5m'

/** The share of requests that an objective such as `99.9%` allows to fail; undefined where it leaves none, or everything. */
function budgetOf(objective: string): number | undefined {
  // Twelve digits: 100 − 99.9 is not quite 0.1 in doubles.
  const budget = Number(((100 - Number.parseFloat(objective)) / 100).toPrecision(12))
  return budget > 0 && budget < 1 ? budget : undefined
}

export const BURN_RATE = metric({
  name: 'burn-rate',
  title: 'How many times faster than an objective allows errors are made, over a short and a long time at once.',
  needs: 'A counter of requests, with the status in a label.',
  notes: [
    'The number is the lower one of both times, so that a recovery is seen by the short one.',
    'The long time is the query’s window: samples count for a recovery only once it lies after the rollout. Say `confirm.within` above it, or take shorter times; a file where neither is so loads with a warning.'
  ],
  // Two per cent of the errors of 30 days in one hour (Site Reliability Workbook, chapter 5).
  failWhen: '> 14.4',
  example: { objective: '99.9%', where: ['job="api"'] },
  with: Type.Object(
    {
      objective: Type.String({
        pattern: '^[0-9]{1,2}(\\.[0-9]+)?%$',
        description: 'The share of requests that must be good, such as 99.9%; below 100%.'
      }),
      where: whereField,
      metric: metricName('http_requests_total'),
      statusLabel: labelName('the status', 'status'),
      bad: Type.Optional(text(`A regular expression for the status of a bad request; default ${BAD_HTTP}.`)),
      namespaceLabel: labelName('the namespace', 'namespace'),
      short: Type.Optional(duration(`The short time, by which a recovery is seen; default ${SHORT}.`)),
      long: Type.Optional(duration(`The long time, which is the window of the query; default ${LONG}.`)),
      atLeast: atLeastField
    },
    closed
  ),
  check({ objective, short = SHORT, long = LONG }) {
    if (budgetOf(objective) === undefined) return `an objective of ${objective} leaves no budget that could burn: between 0% and 100%`
    return span(short) < span(long) ? undefined : `short (${short}) must be shorter than long (${long})`
  },
  query({ objective, short = SHORT, long = LONG, atLeast = USUAL_TRAFFIC, ...options }, where) {
    const parts = {
      metric: options.metric ?? 'http_requests_total',
      matchers: [ofNamespace(options.namespaceLabel ?? 'namespace'), ...where],
      statusLabel: options.statusLabel ?? 'status',
      bad: options.bad ?? BAD_HTTP
    }
    const burned = (window: string): QueryParts => ({
      kind: 'binary',
      operator: '/',
      left: badShare({ ...parts, window: span(window) }),
      right: { kind: 'number', value: budgetOf(objective) ?? Number.NaN }
    })
    return {
      // The lower of both: clamp_max is NaN where either is, and nothing where the short one has no series.
      promql: { kind: 'call', name: 'clamp_max', args: [burned(short), { kind: 'call', name: 'scalar', args: [burned(long)] }] },
      traffic: { of: requestRate({ ...parts, window: span(short) }), atLeast }
    }
  }
})
