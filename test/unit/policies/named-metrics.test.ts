import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { metricsPage } from '../../../scripts/metrics-page.ts'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { NAMED_METRICS } from '../../../src/domain/named-metrics.ts'
import type { VerificationQuery } from '../../../src/domain/policy.ts'
import { loadPolicies } from '../../../src/policies/load.ts'
import { BAD_GRPC, BAD_HTTP } from '../../../src/policies/metrics/by-pod.ts'
import { NAMED } from '../../../src/policies/metrics/table.ts'
import { parsePromql } from '../../../src/promql/parse.ts'
import { selectorsOf } from '../../../src/promql/selectors.ts'
import { renderPromql } from '../../../src/templates/promql.ts'
import { isBadGrpc, isBadHttp } from '../../../src/verification/sequential/counting/bad-status.ts'

function load(verify: object) {
  const policy = {
    name: 'p',
    match: ['alertname="A"'],
    target: { kind: 'Deployment', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' },
    verify: [verify],
    steps: [{ action: 'rollout-undo' }]
  }
  const text = JSON.stringify({ version: 1, sources: { prometheus: { url: 'http://p:9090' } }, policies: [policy] })
  return loadPolicies([{ file: 'p.yaml', text }], VOCABULARY)
}

function queryOf(verify: object): VerificationQuery {
  const result = load(verify)
  if (result.kind === 'bad') throw new Error(JSON.stringify(result.problems))
  if (result.set.warnings.length > 0) throw new Error(JSON.stringify(result.set.warnings))
  const query = result.set.policies[0]?.verify[0]
  if (query === undefined) throw new Error('a policy has a query')
  return query
}

function problemsOf(verify: object): readonly string[] {
  const result = load(verify)
  return result.kind === 'bad' ? result.problems.map(({ path, message }) => `${path}: ${message}`) : []
}

/** What a policy has to say of a metric that has no default for everything. */
const SAID: Readonly<Record<string, object>> = {
  'http-latency': { failWhen: '> 0.5' },
  'grpc-latency': { failWhen: '> 0.5' },
  'queue-lag': { failWhen: '> 100', with: { where: ['queue="a"'] } },
  envoy: { with: { cluster: 'shop_api_80' } },
  'burn-rate': { with: { objective: '99.9%', where: ['job="api"'] } }
}
const used = (use: string, more: object = {}): object => ({ use, ...SAID[use], ...more })

t.test('every named metric loads without a problem and without a warning, and knows its window', async t => {
  t.same(
    NAMED.map(({ name }) => name),
    NAMED_METRICS
  )
  const windows = Object.fromEntries(NAMED_METRICS.map(name => [name, queryOf(used(name)).window / 60_000]))
  t.same(windows, {
    'http-error-ratio': 2,
    'http-latency': 2,
    'grpc-error-ratio': 2,
    'grpc-latency': 2,
    'ingress-nginx': 2,
    envoy: 2,
    istio: 2,
    'kubernetes-restarts': 5,
    'queue-lag': 0,
    'burn-rate': 5
  })
  const bound = NAMED_METRICS.filter(name => queryOf(used(name)).boundToPods)
  t.same(bound, ['http-error-ratio', 'http-latency', 'grpc-error-ratio', 'grpc-latency', 'kubernetes-restarts'])
  t.ok(queryOf({ use: 'istio', with: { where: ['pod=~"{{ target.pods }}"'] } }).boundToPods, 'where can bind the others')
  t.equal(queryOf({ use: 'istio' }).name, 'istio', 'it is called by its name where the policy has no other')
  t.match(queryOf({ use: 'istio', name: 'mesh', failWhen: '> 1%', samples: 5 }), {
    name: 'mesh',
    failWhen: { value: 0.01 },
    samples: 5,
    traffic: { atLeast: 1 }
  })
})

t.test('what is wrong with a named metric is told with its place and with what to write instead', async t => {
  t.match(problemsOf({ use: 'http-eror-ratio' }), [
    /^policies\[0\]\.verify\[0\]\.use: there is no metric "http-eror-ratio"; did you mean "http-error-ratio"/
  ])
  t.match(problemsOf({ use: 'apdex' }), [/known here: http-error-ratio, http-latency, /])
  t.match(problemsOf({ use: 'http-latency' }), [/"failWhen" is missing: http-latency has no threshold that would fit everywhere/])
  t.match(problemsOf({ use: 'istio', with: { reporte: 'source' } }), [
    /verify\[0\]\.with\.reporte: unknown key "reporte"; did you mean "reporter"/
  ])
  t.match(problemsOf({ use: 'istio', with: { reporter: 'sorce' } }), [/with\.reporter: must be one of destination, source, waypoint/])
  t.match(problemsOf({ use: 'envoy' }), [/with: "cluster" is missing/])
  t.match(problemsOf({ use: 'istio', promql: 'up' }), [/\.promql: stands beside "use": a metric has its own query/])
  t.match(problemsOf({ use: 'istio', window: '5m' }), [/\.window: stands beside "use": .*with: \{ window/])
  t.match(problemsOf({ use: 'istio', traffic: { promql: 'up', atLeast: 1 } }), [/\.traffic: stands beside "use": .*atLeast/])
  t.match(problemsOf({ promql: 'up', failWhen: '> 1', with: {} }), [/\.with: belongs to "use"/])
  t.match(problemsOf({ failWhen: '> 1' }), [/verify\[0\]: "promql" is missing, or "use"/])
  t.match(problemsOf({ promql: 'up' }), [/verify\[0\]: "failWhen" is missing/])
  t.match(problemsOf({ use: 'istio', with: { where: ['pod=api'] } }), [], 'Alertmanager’s bare words are matchers too')
  t.match(problemsOf({ use: 'istio', with: { where: ['pod'] } }), [/verify\[0\]\.with: where: "pod" is no matcher/])
  t.match(problemsOf({ use: 'istio', with: { where: ['pod=~"("'] } }), [/verify\[0\]\.with: /])
  t.match(problemsOf({ use: 'istio', with: { where: ['pod="{{ target.pods }}"'] } }), [/verify\[0\]\.with: .*use it with =~/])
  t.match(problemsOf({ use: 'istio', with: { where: ['__name__="x"'] } }), [/verify\[0\]\.with: /])
  t.match(problemsOf({ use: 'istio', with: { bad: '5(' } }), [/verify\[0\]\.with: /])
  t.match(problemsOf({ use: 'istio', with: { workload: '{{ labels }}' } }), [/verify\[0\]\.with: a template that is not/])
  t.match(problemsOf({ use: 'istio', with: { window: '0s' } }), [/with\.window: is not what belongs here/])
  t.match(problemsOf({ use: 'http-error-ratio', with: { metric: 'job:errors:rate5m' } }), [
    /with\.metric: is not what belongs here: .*name/
  ])
  t.match(problemsOf({ use: 'http-latency', failWhen: '> 1', with: { percentile: 100 } }), [/with\.percentile/])
  for (const objective of ['100%', '99.9', '0%', '0.0%', '-1%'])
    t.match(problemsOf({ use: 'burn-rate', with: { objective, where: ['a="b"'] } })[0], /objective/, objective)
  t.match(problemsOf({ use: 'burn-rate', with: { objective: '99%', where: ['a="b"'], short: '5m' } }), [
    /short \(5m\) must be shorter than long \(5m\)/
  ])
})

t.test('a share of errors counts only series that have a status, so that a wrong label gives no data and never 0', async t => {
  for (const name of ['http-error-ratio', 'grpc-error-ratio', 'ingress-nginx', 'envoy', 'istio', 'burn-rate']) {
    const { promql, traffic } = queryOf({ ...used(name), with: { ...Object(Reflect.get(used(name), 'with')), statusLabel: 'st' } })
    for (const text of [promql, traffic?.promql ?? '']) {
      const parsed = parsePromql(text.replaceAll(/\{\{[^}]*\}\}/g, 'x'))
      if ('error' in parsed) throw new Error(parsed.error)
      for (const { matchers } of selectorsOf(parsed)) {
        const found = matchers.find(({ label }) => label === 'st')
        t.ok(found?.operator === '=~' || (found?.operator === '!=' && found.value === ''), `${name}: ${text}`)
      }
    }
  }
})

t.test('a bad status is the same for a policy as for the judge', async t => {
  const whole = (pattern: string, status: string): boolean => new RegExp(`^(?:${pattern.replace('(?i:', '(?:')})$`, 'i').test(status)
  for (const status of ['200', '301', '404', '499', '500', '503', '599', '5xx', '5XX', '4xx', 'SERVER_ERROR', 'SUCCESS', '', '50', '5000'])
    t.equal(whole(BAD_HTTP, status), isBadHttp(status), status)
  const codes = ['OK', 'Unknown', 'INTERNAL', 'Unavailable', 'DeadlineExceeded', 'DEADLINE_EXCEEDED', 'DataLoss', 'DATA_LOSS']
  for (const code of [...codes, 'NotFound', 'Canceled', 'INVALID_ARGUMENT', '0', '1', '2', '4', '5', '13', '14', '15', '16', '22'])
    t.equal(whole(BAD_GRPC, code), isBadGrpc(code), code)
})

t.test('whatever stands in an option or comes into a hole stays inside its quotes', async () => {
  const hostile = fc.string({
    unit: fc.constantFrom('"', '\\', "'", '`', '}', '{', ' ', 'a', '=', ',', '\n', '#', '$', '('),
    maxLength: 12
  })
  fc.assert(
    fc.property(hostile, hostile, (cluster, filled) => {
      fc.pre(cluster !== '' && filled !== '' && !cluster.includes('{{'))
      const query = queryOf({ use: 'envoy', with: { cluster: `${cluster}{{ labels.x }}`, where: ['zone="{{ labels.x }}"'] } })
      const rendered = renderPromql(query.promql, { labels: { x: filled }, annotations: {} })
      if (rendered.kind !== 'text') throw new Error(JSON.stringify(rendered))
      const parsed = parsePromql(rendered.text)
      if ('error' in parsed) throw new Error(`${parsed.error}: ${rendered.text}`)
      const selectors = selectorsOf(parsed)
      return (
        selectors.length === 3 &&
        selectors.every(
          ({ matchers }) => matchers[0]?.value === `${cluster}${filled}` && matchers[1]?.value === filled && matchers.length === 3
        )
      )
    }),
    { numRuns: 300 }
  )
})

t.test('names with characters that only Prometheus 3 takes are quoted', async t => {
  const { promql } = queryOf({ use: 'queue-lag', failWhen: '> 1', with: { metric: 'queue.depth', where: ['"queue.name"="a"'] } })
  t.equal(promql, 'sum({"queue.depth", "queue.name"="a"})')
})

t.test('the page of named metrics is the one that the table makes', async t => {
  t.equal(readFileSync('docs/metrics.md', 'utf8'), metricsPage(), 'run `npm run metrics`')
})
