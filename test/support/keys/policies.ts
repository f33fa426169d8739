import { MINUTE } from '../../../src/base/clock.ts'
import { templateIdentity } from '../../../src/domain/workload.ts'
import type { Bench } from '../bench.ts'
import type { Play } from '../played-policies.ts'
import { badRollout, NOON, revisionOf, workloadOf } from '../workloads.ts'
import { type PolicyKey, row } from './key.ts'

const STUCK: Play = { number: () => undefined }
export const UNCURED: Play = { number: (_query, at) => (at < NOON - MINUTE ? 0.01 : 0.4) }
const RESTART = { 'policies[].steps[].action': 'rollout-restart' }

/** A bad version that a tool put an annotation and a variable on, after which the alert came. */
const BUMPED: Play = {
  set: cluster => {
    const v2 = revisionOf(2, 'app:v2', NOON - 10 * MINUTE)
    const template = {
      metadata: { labels: { app: 'api' }, annotations: { 'checksum/config': 'b' } },
      spec: { containers: [{ name: 'api', image: 'app:v2', env: [{ name: 'STAKATER_TLS', value: 'b' }] }] }
    }
    const v3 = { ...revisionOf(3, 'app:v2', NOON - 4 * MINUTE), template, identity: templateIdentity(template) }
    cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 24 * 60 * MINUTE), v2, v3]))
  }
}

/** Two incidents of one target, the second soon after the first was cured. */
const TWICE: Play = {
  number: (_query, at) => (at < NOON - MINUTE || (at > NOON + 5 * MINUTE && at < NOON + 25 * MINUTE) ? 0.01 : 0.4),
  act: async bench => {
    await bench.fire()
    await bench.pass(20 * MINUTE)
    await bench.resolve()
    await bench.pass(35 * MINUTE)
    await bench.fire()
    await bench.pass(30 * MINUTE)
  }
}

/** Alerts of several targets, one a minute. */
const MANY: Play = {
  ...UNCURED,
  set: cluster => {
    for (const name of ['web', 'jobs'])
      cluster.put({ ...badRollout(), ref: { kind: 'Deployment', namespace: 'shop', name }, uid: `uid-${name}` })
  },
  act: async (bench: Bench) => {
    for (const deployment of ['api', 'web', 'jobs']) {
      await bench.fire({ alertname: 'HighErrorRatio', namespace: 'shop', deployment })
      bench.clock.tick(MINUTE)
    }
    await bench.pass(60 * MINUTE)
  }
}

const EVERYWHERE = { kind: 'Deployment', namespace: 'shop', name: 'web' }
const ELSEWHERE: Play = { set: cluster => cluster.put({ ...badRollout(), ref: { ...EVERYWHERE, kind: 'Deployment' }, uid: 'uid-web' }) }

const CONDITION = { promql: 'condition_total{ns="{{ target.namespace }}"}', holdsWhen: '> 1' }
const WITH_CONDITION = { and: { 'policies[].steps[].when.queries[]': CONDITION } }
const conditional = (number: number): Play => ({
  number: (query, at, written) =>
    query.startsWith('condition') ? number : at < NOON - MINUTE || (written !== undefined && at >= written) ? 0.01 : 0.4
})
const WITH_TRAFFIC = { and: { 'policies[].verify[].traffic': { promql: 'traffic_total', atLeast: 1 } } }
const busy: Play = {
  number: (query, at, written) =>
    query.startsWith('traffic') ? 10 : at < NOON - MINUTE || (written !== undefined && at >= written) ? 0.01 : 0.4
}

function guardRows(prefix: string): readonly PolicyKey[] {
  return [
    row(`${prefix}guards.namespaces`, ['shop'], ['other'], prefix === '' ? {} : { and: { 'policies[].guards.namespaces': undefined } }),
    row(`${prefix}guards.cooldown`, '1m', '6h', { play: TWICE, and: RESTART })
  ]
}

export const POLICY_KEYS: readonly PolicyKey[] = [
  row('policies[].name', 'undo', 'other'),
  row('policies[].match', ['alertname="HighErrorRatio"'], ['alertname="Other"']),
  row('policies[].target.kind', 'Deployment', 'StatefulSet'),
  row('policies[].target.namespace', 'shop', 'other'),
  row('policies[].target.name', 'api', 'web'),
  row('policies[].mode', 'auto', 'dry-run'),
  row('policies[].changedWithin', '1h', '1m'),
  row('policies[].verify[].name', 'ratio', 'errors'),
  row('policies[].verify[].promql', 'sum(rate(a_total[2m]))', 'sum(rate(b_total[2m]))'),
  row('policies[].verify[].failWhen', '> 5%', '> 50%'),
  row('policies[].verify[].traffic.promql', 'traffic_a', 'traffic_b', { ...WITH_TRAFFIC, play: busy }),
  row('policies[].verify[].traffic.atLeast', 1, 100, { ...WITH_TRAFFIC, play: busy }),
  row('policies[].verify[].samples', 2, 5),
  row('policies[].verify[].every', '15s', '40s'),
  row('policies[].verify[].window', '2m', '30m'),
  row('policies[].verify[].maxAge', '2m', '10s'),
  row('policies[].steps[].action', 'rollout-undo', 'rollout-restart'),
  row('policies[].steps[].target.kind', 'Deployment', 'StatefulSet', { play: ELSEWHERE, and: { 'policies[].steps[].target': EVERYWHERE } }),
  row('policies[].steps[].target.namespace', 'shop', 'other', { play: ELSEWHERE, and: { 'policies[].steps[].target': EVERYWHERE } }),
  row('policies[].steps[].target.name', 'web', 'api', { play: ELSEWHERE, and: { 'policies[].steps[].target': EVERYWHERE } }),
  row('policies[].steps[].when.changedWithin', '1h', '1m'),
  row('policies[].steps[].when.queries[].name', 'a', 'b', { ...WITH_CONDITION, play: conditional(2) }),
  row('policies[].steps[].when.queries[].promql', 'condition_a', 'condition_b', { ...WITH_CONDITION, play: conditional(2) }),
  row('policies[].steps[].when.queries[].holdsWhen', '> 1', '> 3', { ...WITH_CONDITION, play: conditional(2) }),
  row('policies[].steps[].when.queries[].maxAge', '2m', '10s', { ...WITH_CONDITION, play: conditional(2) }),
  row('policies[].steps[].confirm.within', '10m', '3m', { play: UNCURED, and: RESTART }),
  row('policies[].steps[].confirm.passes', 3, 5),
  row('policies[].steps[].confirm.every', '30s', '50s'),
  row('policies[].guards.budgets[].limit', 1, 5, {
    play: TWICE,
    and: { ...RESTART, 'policies[].guards.cooldown': '1m', 'policies[].guards.budgets[]': { limit: 1, per: '24h', scope: 'target' } }
  }),
  row('policies[].guards.budgets[].per', '24h', '10m', {
    play: TWICE,
    and: { ...RESTART, 'policies[].guards.cooldown': '1m', 'policies[].guards.budgets[]': { limit: 1, per: '24h', scope: 'target' } }
  }),
  row('policies[].guards.budgets[].scope', 'target', 'policy', {
    play: MANY,
    and: { ...RESTART, 'policies[].guards.budgets[]': { limit: 1, per: '24h', scope: 'target' } }
  }),
  ...guardRows('policies[].'),
  row('policies[].escalate.after', '20m', '5m', { play: STUCK }),
  row('policies[].escalate.to', ['people'], ['others'], { play: STUCK }),
  row('policies[].ignoreAnnotations', ['other/*'], ['checksum/*'], { play: BUMPED, and: { 'policies[].ignoreEnv': ['STAKATER_*'] } }),
  row('policies[].ignoreEnv', ['OTHER_*'], ['STAKATER_*'], { play: BUMPED, and: { 'policies[].ignoreAnnotations': ['checksum/*'] } }),
  row('policies[].recheck', '30s', '10m', { play: STUCK })
]

export const DEFAULT_KEYS: readonly PolicyKey[] = [
  row('defaults.mode', 'auto', 'dry-run', { and: { 'policies[].mode': undefined } }),
  row('defaults.guards.namespaces', ['shop'], ['other'], { and: { 'policies[].guards': undefined } }),
  row('defaults.guards.cooldown', '1m', '6h', { play: TWICE, and: RESTART }),
  row('defaults.guards.budgets[].limit', 1, 5, {
    play: TWICE,
    and: { ...RESTART, 'policies[].guards.cooldown': '1m', 'defaults.guards.budgets[]': { limit: 1, per: '24h', scope: 'target' } }
  }),
  row('defaults.guards.budgets[].per', '24h', '10m', {
    play: TWICE,
    and: { ...RESTART, 'policies[].guards.cooldown': '1m', 'defaults.guards.budgets[]': { limit: 1, per: '24h', scope: 'target' } }
  }),
  row('defaults.guards.budgets[].scope', 'target', 'global', {
    play: MANY,
    and: { ...RESTART, 'defaults.guards.budgets[]': { limit: 1, per: '24h', scope: 'target' } }
  }),
  row('defaults.guards.storm.targets', 5, 2, {
    play: MANY,
    and: { ...RESTART, 'defaults.guards.storm': { targets: 5, within: '10m', calm: '10m' } }
  }),
  row('defaults.guards.storm.within', '10m', '30s', {
    play: MANY,
    and: { ...RESTART, 'defaults.guards.storm': { targets: 3, within: '10m', calm: '10m' } }
  }),
  row('defaults.guards.storm.calm', '10m', '1m', {
    play: MANY,
    and: { ...RESTART, 'defaults.guards.storm': { targets: 2, within: '10m', calm: '10m' } }
  }),
  row('defaults.escalate.after', '20m', '5m', { play: STUCK }),
  row('defaults.escalate.to', ['people'], ['others'], { play: STUCK, and: { 'policies[].escalate': undefined } }),
  row('defaults.ignoreAnnotations', ['other/*'], ['checksum/*'], { play: BUMPED, and: { 'defaults.ignoreEnv': ['STAKATER_*'] } }),
  row('defaults.ignoreEnv', ['OTHER_*'], ['STAKATER_*'], { play: BUMPED, and: { 'defaults.ignoreAnnotations': ['checksum/*'] } }),
  row('defaults.recheck', '30s', '10m', { play: STUCK })
]
