import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { loadPolicies } from '../../../src/policies/load.ts'
import { renderPromql } from '../../../src/templates/promql.ts'
import { type PolicyKey, row } from './key.ts'

/** What would be asked, as it is sent, and what its answer would be held to. */
async function asked(file: unknown): Promise<string> {
  const result = loadPolicies([{ file: 'p.yaml', text: JSON.stringify(file) }], VOCABULARY)
  if (result.kind === 'bad') throw new Error(result.problems.map(({ path, message }) => `${path}: ${message}`).join('; '))
  const values = { labels: {}, annotations: {}, target: { kind: 'Deployment', namespace: 'shop', name: 'api', pods: 'api-a' } }
  const sent = result.set.policies.flatMap(({ verify }) =>
    verify.map(({ promql, traffic, window }) => [
      renderPromql(promql, values),
      traffic === undefined ? undefined : [renderPromql(traffic.promql, values), traffic.atLeast],
      window
    ])
  )
  return JSON.stringify(sent)
}

interface Using {
  readonly failWhen?: string
  readonly with?: Readonly<Record<string, unknown>>
}

/** One option of a metric with two values, beside others that stay. */
function options(use: string, using: Using, values: Readonly<Record<string, readonly [unknown, unknown]>>): readonly PolicyKey[] {
  return Object.entries(values).map(([name, [from, to]]) =>
    row(`policies[].verify[]<${use}>.with.${name}`, from, to, { play: { proof: asked }, and: { 'policies[].verify[]': { use, ...using } } })
  )
}

const RATIO = {
  metric: ['a_total', 'b_total'],
  statusLabel: ['status', 'code'],
  bad: ['5..', '50.'],
  where: [['job="a"'], ['job="b"']],
  window: ['2m', '3m'],
  atLeast: [1, 2]
} as const
const PODS = { podLabel: ['pod', 'exported_pod'], namespaceLabel: ['namespace', 'exported_namespace'] } as const
const { metric, where, window, atLeast } = RATIO
const LATENCY = { metric, where, window, atLeast, ...PODS, percentile: [99, 95], histogram: ['classic', 'native'] } as const
const { namespaceLabel } = PODS
const SLOW: Using = { failWhen: '> 1' }

export const METRIC_KEYS: readonly PolicyKey[] = [
  row('policies[].verify[].use', 'istio', 'ingress-nginx', { and: { 'policies[].verify[]': {} } }),
  ...options('http-error-ratio', {}, { ...RATIO, ...PODS }),
  ...options('grpc-error-ratio', {}, { ...RATIO, ...PODS }),
  ...options('http-latency', SLOW, LATENCY),
  ...options('grpc-latency', SLOW, LATENCY),
  ...options('ingress-nginx', {}, { ...RATIO, namespaceLabel, ingress: ['api', 'web'] }),
  ...options('envoy', { with: { cluster: 'a' } }, { ...RATIO, cluster: ['a', 'b'] }),
  ...options('istio', {}, { ...RATIO, namespaceLabel, workload: ['api', 'web'], reporter: ['destination', 'source'] }),
  ...options('kubernetes-restarts', {}, { metric, where, window, ...PODS }),
  ...options('queue-lag', { ...SLOW, with: { where: ['queue="a"'] } }, { metric, where, of: ['sum', 'max'] }),
  ...options(
    'burn-rate',
    { with: { objective: '99.9%', where: ['job="a"'] } },
    {
      metric,
      statusLabel: RATIO.statusLabel,
      bad: RATIO.bad,
      where,
      atLeast,
      namespaceLabel,
      objective: ['99.9%', '99%'],
      short: ['2m', '1m'],
      long: ['5m', '4m']
    }
  )
]
