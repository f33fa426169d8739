import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { MINUTE } from '../../../src/base/clock.ts'
import { loadPolicies } from '../../../src/policies/load.ts'
import type { Play } from '../played-policies.ts'
import { type ActionStory, actionStories, storyHelm } from '../story-actions.ts'
import { badRollout, NOON } from '../workloads.ts'
import { type PolicyKey, row } from './key.ts'
import { UNCURED } from './policies.ts'

/** A story of `actionStories`, whose action gets other options. Made anew for each play: stories have a memory. */
function acting(name: string, more: Play = {}): Play {
  const story = (): ActionStory => {
    const found = actionStories().find(candidate => candidate.name === name)
    if (found === undefined) throw new Error(`there is no story ${name}`)
    return found
  }
  let told = story()
  return {
    ...more,
    get needs() {
      told = story()
      return { readFile: (path: string) => `what is in ${path}`, ...told.needs, ...more.needs }
    },
    set: cluster => {
      told.set?.(cluster)
      more.set?.(cluster)
    }
  }
}

type Options = Readonly<Record<string, unknown>>

/** One option of an action with two values, beside others that stay. */
function option(
  action: string,
  name: string,
  values: readonly [unknown, unknown],
  { others = {}, play }: { others?: Options; play: PolicyKey['play'] }
): PolicyKey {
  return row(`policies[].steps[]<${action}>.with.${name}`, ...values, {
    play,
    and: { 'policies[].steps[].action': action, 'policies[].steps[].with': others }
  })
}

const URL = 'https://cache.example/flush'
const POD_URL = 'http://{{ pod.ip }}:8080/actuator/circuitbreakers/payments'
const BREAKER = 'https://breaker.example/state'
const GENERIC = { pointer: '/circuitBreakers/payments/state', closed: 'CLOSED' }
const RELEASE = { name: 'api', namespace: 'shop' }

/** An operation of helm that has been pending for half an hour. */
const STUCK_HELM: Play = acting('helm-rollback', {
  get needs() {
    return { helm: storyHelm([{}, { updatedAt: NOON - 30 * MINUTE, status: 'pending-upgrade' }]) }
  },
  set: cluster =>
    cluster.put({
      ...badRollout(),
      release: { ...RELEASE, latest: { revision: 2, status: 'pending-upgrade', changedAt: NOON - 30 * MINUTE } }
    })
})

/** A release owns the workload, and its contents are those of the cluster. */
const HELM_OWNED: Play = {
  set: cluster =>
    cluster.put({ ...badRollout(), release: { ...RELEASE, latest: { revision: 2, status: 'deployed', changedAt: NOON - 10 * MINUTE } } })
}

const NODES: Play = {
  set: cluster =>
    void cluster.kube.objects.set('/api/v1/nodes', { items: [{ status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } } }] })
}

/** The target needs each pod in the URL, and the other way round: one without the other is refused. */
const REFUSED = {
  proof: async (file: unknown): Promise<string> => loadPolicies([{ file: 'p.yaml', text: JSON.stringify(file) }], VOCABULARY).kind
}

const HTTP = { others: { url: URL }, play: acting('http') }
const ON_PODS = { others: { url: POD_URL, each: 'pod' }, play: acting('circuit-breaker-reset') }
const generic = (name: string, values: readonly [unknown, unknown]): PolicyKey =>
  option('circuit-breaker-reset', `generic.${name}`, values, {
    others: { url: BREAKER, generic: GENERIC },
    play: acting('circuit-breaker-reset')
  })
const scaled = (others: Options, play: Play = acting('scale')) => ({ others: { max: 9, ...others }, play })

export const ACTION_KEYS: readonly PolicyKey[] = [
  option('rollout-undo', 'provenFor', ['10m', '30h'], { play: {} }),
  option('rollout-undo', 'evenIfHelmOwned', [false, true], { play: HELM_OWNED }),
  option('helm-rollback', 'provenFor', ['10m', '30h'], { play: acting('helm-rollback') }),
  option('helm-rollback', 'timeout', ['5m', '1m'], { play: acting('helm-rollback') }),
  option('helm-rollback', 'recoverStuck', [false, true], { play: STUCK_HELM }),
  option('scale', 'to', [4, 5], scaled({})),
  option('scale', 'by', ['+1', '+2'], scaled({})),
  option('scale', 'min', [1, 3], scaled({ by: '-1' })),
  option('scale', 'max', [9, 4], scaled({ by: '+4' })),
  option('scale', 'restoreAfter', ['1m', '10m'], scaled({ by: '+2' })),
  option('scale', 'restoreAtMost', ['20m', '40m'], scaled({ by: '+2' }, acting('scale', UNCURED))),
  option('scale', 'autoscaler', ['floor', 'deny'], scaled({ by: '+2' }, acting('scale through an autoscaler'))),
  option('scale', 'reportNodes', [false, true], scaled({ by: '+2' }, acting('scale', NODES))),
  option('scale', 'connections.perReplica', [1, 100], scaled({ by: '+2', connections: { perReplica: 1, atMost: 50 } })),
  option('scale', 'connections.atMost', [50, 3], scaled({ by: '+2', connections: { perReplica: 1, atMost: 50 } })),
  option('delete-pod', 'pod', ['api-a', 'api-b'], { play: acting('delete-pod') }),
  option('delete-pod', 'atMost', [1, 2], {
    play: acting('delete-pod', {
      set: cluster => {
        const workload = cluster.workloads.get('Deployment/shop/api')
        if (workload !== undefined) cluster.put({ ...workload, pods: workload.pods.map((pod, index) => ({ ...pod, ready: index > 1 })) })
      }
    })
  }),
  option('delete-pod', 'olderThan', ['5m', '48h'], { play: acting('delete-pod') }),
  option('circuit-breaker-reset', 'url', [POD_URL, POD_URL.replace('8080', '9090')], ON_PODS),
  option('circuit-breaker-reset', 'each', ['pod', undefined], { others: { url: POD_URL }, play: REFUSED }),
  option('circuit-breaker-reset', 'headersFromFiles', [{ 'X-Key': 'a' }, { 'X-Key': 'b' }], ON_PODS),
  option('circuit-breaker-reset', 'timeout', ['10s', '20s'], ON_PODS),
  generic('method', ['POST', 'PUT']),
  generic('body', [{ a: 1 }, { a: 2 }]),
  generic('state', ['/a', '/b']),
  generic('pointer', [GENERIC.pointer, '/other']),
  generic('closed', ['CLOSED', 'SHUT']),
  option('http', 'url', [URL, 'https://other.example'], { play: acting('http') }),
  option('http', 'urlFile', ['a', 'b'], {
    play: acting('http', { needs: { readFile: path => `https://example.org/${path}` } })
  }),
  option('http', 'method', ['POST', 'PUT'], HTTP),
  option('http', 'body', [{ a: 1 }, { a: 2 }], HTTP),
  option('http', 'expect', [[200], [204]], HTTP),
  option('http', 'headersFromFiles', [{ 'X-Key': 'a' }, { 'X-Key': 'b' }], HTTP),
  option('http', 'timeout', ['10s', '20s'], HTTP),
  option('gitops-suspend', 'remindEvery', ['4h', '10m'], { play: acting('gitops-suspend, then rollout-undo') })
]
