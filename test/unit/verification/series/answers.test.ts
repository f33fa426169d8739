import t from 'tap'
import type { HttpResult } from '../../../../src/outgoing/http-client.ts'
import { prometheusNumbers } from '../../../../src/verification/series/prometheus-numbers.ts'
import { readSeries } from '../../../../src/verification/series/raw-series.ts'
import { answerOf } from '../../../support/series-prometheus.ts'
import { guardedPod, soon, WANTED } from './numbers-scene.ts'

const matrix = (result: unknown, more: object = {}) => answerOf({ status: 'success', data: { resultType: 'matrix', result }, ...more })

t.test('a matrix is read as the API gives it: texts, samples without a number, native histograms', async t => {
  t.same(
    readSeries(
      matrix([
        {
          metric: { __name__: 'a', code: '200' },
          values: [
            [1_700_000_000.123, '5'],
            [1_700_000_015.123, 'NaN'],
            [1_700_000_030, '1e+06'],
            [1_700_000_045, null],
            [1_700_000_060, 7]
          ]
        },
        {
          metric: { __name__: 'b' },
          histograms: [
            [
              1,
              {
                count: '3',
                sum: '1',
                buckets: [
                  [3, '-0.001', '0.001', '1'],
                  [0, '1', '+Inf', '2']
                ]
              }
            ]
          ]
        }
      ])
    ),
    {
      kind: 'said',
      value: [
        {
          labels: { __name__: 'a', code: '200' },
          samples: [
            { at: 1_700_000_000_123, value: 5 },
            { at: 1_700_000_030_000, value: 1_000_000 },
            { at: 1_700_000_060_000, value: 7 }
          ],
          histograms: []
        },
        {
          labels: { __name__: 'b' },
          samples: [],
          histograms: [
            {
              at: 1_000,
              count: 3,
              buckets: [
                { lower: -0.001, upper: 0.001, count: 1 },
                { lower: 1, upper: Number.POSITIVE_INFINITY, count: 2 }
              ]
            }
          ]
        }
      ]
    }
  )
  for (const nothing of [[], null, undefined]) t.same(readSeries(matrix(nothing)), { kind: 'said', value: [] })
})

t.test('each way of not answering has its reason, and none of them is an empty answer', async t => {
  const failed = (problem: 'unreachable' | 'deadline' | 'breaker-open' | 'too-large'): HttpResult => ({
    kind: 'failed',
    problem,
    detail: 'x'
  })
  const page = (status: number): HttpResult => ({
    kind: 'response',
    status,
    headers: { 'content-type': 'text/html' },
    body: '<html>',
    sentAt: 0,
    receivedAt: 0
  })
  const error = (status: number, errorType: string, message: string) => answerOf({ status: 'error', errorType, error: message }, status)
  const cases: readonly (readonly [HttpResult, string])[] = [
    [failed('unreachable'), 'unreachable'],
    [failed('deadline'), 'unreachable'],
    [failed('breaker-open'), 'unreachable'],
    [failed('too-large'), 'too-much'],
    [page(503), 'unreachable'],
    [page(502), 'unreachable'],
    [page(401), 'forbidden'],
    [page(403), 'forbidden'],
    [page(404), 'rejected'],
    [error(400, 'bad_data', 'parse error'), 'rejected'],
    [error(422, 'execution', 'query processing would load too many samples into memory'), 'too-much'],
    [error(503, 'timeout', 'query timed out'), 'unreachable'],
    [matrix([], { warnings: ['a store is away'] }), 'ambiguous'],
    [matrix([], { warnings: ['results truncated due to limit'] }), 'too-much'],
    [matrix([], { isPartial: true }), 'ambiguous'],
    [answerOf({ status: 'success', data: { resultType: 'scalar', result: [1, '2'] } }), 'rejected']
  ]
  for (const [result, because] of cases) {
    const source = prometheusNumbers({ ask: async () => result, clockOffset: () => 0, now: () => 0 })
    const question = { ...WANTED, pods: [guardedPod('a', 'old')] }
    t.match(await source.scrapes(question, soon()), { kind: 'unsaid', because }, `${JSON.stringify(result).slice(0, 120)}`)
    t.match(await source.labels(question.pods, ['x'], soon()), { kind: 'unsaid', because })
    t.match(await source.interval(question.pods, soon()), { kind: 'unsaid', because })
  }
})

t.test('an answer that is too long to read at a time is too much, and not cut off', async t => {
  const values = Array.from({ length: 250_001 }, (_, index) => [index, '1'])
  t.match(
    readSeries(
      matrix([
        { metric: {}, values },
        { metric: {}, values }
      ])
    ),
    { kind: 'unsaid', because: 'too-much' }
  )
  t.match(readSeries(matrix(Array.from({ length: 50_001 }, () => ({ metric: {}, values: [] })))), { kind: 'unsaid', because: 'too-much' })
})
