import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { guardPolicyFor, outsideBounds, policyOfGuard } from '../../../src/domain/guard-entries.ts'
import { loadPolicies } from '../../../src/policies/load.ts'
import { type PolicyKey, row } from './key.ts'

/** What a guard in the namespace `shop` may do, and what the run that it begins is held to. */
async function ruled(file: unknown): Promise<string> {
  const result = loadPolicies([{ file: 'p.yaml', text: JSON.stringify(file) }], VOCABULARY)
  if (result.kind === 'bad') throw new Error(result.problems.map(({ path, message }) => `${path}: ${message}`).join('; '))
  const entry = guardPolicyFor(result.set.guards, 'shop')
  if (entry === undefined) return 'it only reports'
  const asked = { tolerated: { ratio: 1.8, add: 0 }, objective: 0.02, metrics: ['http-latency'] }
  const target = { kind: 'Deployment', namespace: 'shop', name: 'api' } as const
  return JSON.stringify([policyOfGuard(entry, target), outsideBounds(entry, asked), entry.asked])
}

const ENTRY = { name: 'deploys', namespaces: ['shop'], escalate: { to: ['people'] } }
const UNDO = { action: 'rollout-undo' }

function key(path: string, from: unknown, to: unknown, and: Readonly<Record<string, unknown>> = {}): PolicyKey {
  return row(`guards[].${path}`, from, to, { play: { proof: ruled }, and: { 'guards[]': ENTRY, ...and } })
}

function stepKey(action: string, option: string, from: unknown, to: unknown): PolicyKey {
  return key(`steps[]<${action}>.with.${option}`, from, to, { 'guards[].steps[]': { action } })
}

const BUDGET = { 'guards[].budgets[]': { limit: 1, per: '1h', scope: 'target' } }

const COUNTER = {
  metric: ['a_total', 'b_total'],
  where: [['a="b"'], ['a="c"']],
  statusLabel: ['status', 'code'],
  bad: ['5..', '5..|499']
} as const

/** A row for each option of a metric. @param required the options that the metric can't be without */
function metricKeys(
  metric: string,
  options: Readonly<Record<string, readonly [unknown, unknown]>>,
  required: Readonly<Record<string, unknown>>
): readonly PolicyKey[] {
  return Object.entries(options).map(([option, [from, to]]) =>
    key(`metrics.${metric}.${option}`, from, to, { [`guards[].metrics`]: { [metric]: required } })
  )
}

export const GUARD_KEYS: readonly PolicyKey[] = [
  key('name', 'deploys', 'others'),
  key('namespaces', ['shop'], ['other']),
  key('mode', 'auto', 'dry-run'),
  key('steps[].action', 'rollout-undo', 'helm-rollback'),
  key('steps[].confirm.within', '10m', '5m', { 'guards[].steps[]': UNDO }),
  key('steps[].confirm.passes', 3, 5, { 'guards[].steps[]': UNDO }),
  key('steps[].confirm.every', '30s', '10s', { 'guards[].steps[]': UNDO }),
  stepKey('rollout-undo', 'provenFor', '10m', '1h'),
  stepKey('rollout-undo', 'evenIfHelmOwned', false, true),
  stepKey('helm-rollback', 'provenFor', '10m', '1h'),
  stepKey('helm-rollback', 'timeout', '5m', '1m'),
  stepKey('helm-rollback', 'recoverStuck', false, true),
  key('bounds.tolerate', 'x2', 'x1.5'),
  key('bounds.objective', '1%', '5%'),
  key('bounds.metrics', ['http-latency'], ['grpc-latency']),
  ...metricKeys('ingress-nginx', { ...COUNTER, ingress: ['api', 'web'], namespaceLabel: ['exported_namespace', 'namespace'] }, {}),
  ...metricKeys('envoy', { ...COUNTER, cluster: ['api', 'web'] }, { cluster: 'api' }),
  ...metricKeys(
    'istio',
    {
      ...COUNTER,
      workload: ['api', 'web'],
      reporter: ['destination', 'source'],
      namespaceLabel: ['destination_workload_namespace', 'namespace']
    },
    {}
  ),
  ...metricKeys(
    'kubernetes-restarts',
    {
      metric: ['a_total', 'b_total'],
      podLabel: ['pod', 'exported_pod'],
      namespaceLabel: ['namespace', 'exported_namespace'],
      where: [['a="b"'], ['a="c"']],
      window: ['5m', '10m']
    },
    {}
  ),
  ...metricKeys('queue-lag', { metric: ['a', 'b'], where: [['a="b"'], ['a="c"']], of: ['sum', 'max'] }, { where: ['a="b"'] }),
  ...metricKeys(
    'burn-rate',
    {
      ...COUNTER,
      objective: ['99%', '99.9%'],
      namespaceLabel: ['namespace', 'exported_namespace'],
      short: ['2m', '1m'],
      long: ['5m', '10m']
    },
    { objective: '99%', where: ['a="b"'] }
  ),
  key('cooldown', '30m', '1h'),
  key('budgets[].limit', 1, 2, BUDGET),
  key('budgets[].per', '1h', '2h', BUDGET),
  key('budgets[].scope', 'target', 'global', BUDGET),
  key('escalate.after', '20m', '5m'),
  key('escalate.to', ['people'], ['others']),
  key('recheck', '30s', '10m')
]
