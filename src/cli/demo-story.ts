import { type JsonObject, listAt, numberAt, textAt, textMap } from '../base/json.ts'
import type { KubeClient } from '../cluster/kube-client.ts'
import type { Behaviour, FleetPod } from '../sandbox/fleet.ts'

/** What the demo runs: one Deployment, a good version and a bad one. */
export const APP = 'checkout'
/** Real images, so that the same story runs on a reader's own cluster. The fleet simulates how a version behaves. */
export const GOOD_IMAGE = 'registry.k8s.io/pause:3.9'
export const BAD_IMAGE = 'registry.k8s.io/pause:3.10'
/** Another good version. */
export const NEXT_IMAGE = 'registry.k8s.io/pause:3.8'

/** A version that answers well has no 5xx series, so their part is padded from the requests. */
const RATIO = (namespace: string, deployment: string): string => {
  const selector = `namespace="${namespace}", deployment="${deployment}"`
  const all = `sum(rate(http_requests_total{${selector}}[6s]))`
  return `(sum(rate(http_requests_total{${selector}, status=~"5.."}[6s])) or 0 * ${all}) / ${all}`
}

/** The alert rule, as people write it for Prometheus. */
export function alertRules(): readonly unknown[] {
  return [
    {
      name: 'demo',
      interval: '1s',
      rules: [
        {
          alert: 'HighErrorRatio',
          expr: 'sum by (namespace, deployment) (rate(http_requests_total{status=~"5.."}[6s])) / sum by (namespace, deployment) (rate(http_requests_total[6s])) > 0.05',
          for: '2s',
          labels: { severity: 'critical' },
          annotations: { summary: 'More than 5 % of requests fail' }
        }
      ]
    }
  ]
}

/**
 * The demo's policy. It is fast, so that one can watch it: short windows, two samples, and `provenFor: 0s`. Production
 * wants the defaults (`provenFor: 10m`, windows of minutes); see `policies.yaml`.
 */
export function demoPolicies(namespace: string, prometheus: string, alertmanager: string): string {
  return JSON.stringify(
    {
      version: 1,
      sources: { prometheus: { url: prometheus } },
      channels: { people: { alertmanager: { url: alertmanager } } },
      policies: [
        {
          name: 'undo-bad-rollout',
          match: ['alertname="HighErrorRatio"', 'severity="critical"'],
          target: { kind: 'Deployment', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' },
          mode: 'auto',
          changedWithin: '10m',
          verify: [
            {
              name: 'error ratio',
              promql: RATIO('{{ target.namespace }}', '{{ target.name }}'),
              failWhen: '> 5%',
              traffic: {
                promql: 'sum(rate(http_requests_total{namespace="{{ target.namespace }}", deployment="{{ target.name }}"}[6s]))',
                atLeast: 1
              },
              samples: 2,
              every: '1s',
              maxAge: '10s'
            }
          ],
          steps: [{ action: 'rollout-undo', with: { provenFor: '0s' }, confirm: { within: '1m', passes: 2, every: '1s' } }],
          guards: { namespaces: [namespace], cooldown: '1m' },
          escalate: { after: '5m', to: ['people'] },
          recheck: '2s'
        }
      ],
      guards: [
        {
          name: 'deploys',
          namespaces: [namespace],
          mode: 'auto',
          cooldown: '1m',
          steps: [{ action: 'rollout-undo', with: { provenFor: '0s' }, confirm: { within: '3m', passes: 3, every: '5s' } }],
          escalate: { after: '5m', to: ['people'] },
          recheck: '2s'
        }
      ]
    },
    undefined,
    2
  )
}

export function behaviour(image: string): Behaviour {
  return { requestsPerSecond: 200, errorRatio: image === BAD_IMAGE ? 0.35 : 0 }
}

export function deployment(namespace: string, image: string): JsonObject {
  const labels = { app: APP }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: APP, namespace, labels },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: APP, image, resources: { requests: { cpu: '1m', memory: '8Mi' } } }] }
      }
    }
  }
}

/** Lets both versions serve for a while: a new pod must have been ready for so long before the next one comes. */
export async function stretch(client: KubeClient, namespace: string): Promise<void> {
  const answer = await client.jsonPatch(`/apis/apps/v1/namespaces/${namespace}/deployments/${APP}?fieldManager=demo-pipeline`, [
    { op: 'add', path: '/spec/minReadySeconds', value: 25 }
  ])
  if (answer.kind !== 'ok') throw new Error(`stretching the rollout failed: ${answer.detail}`)
}

/** A deploy, as a release pipeline does it: only the image changes. */
export async function setImage(client: KubeClient, namespace: string, image: string): Promise<void> {
  const answer = await client.jsonPatch(`/apis/apps/v1/namespaces/${namespace}/deployments/${APP}?fieldManager=demo-pipeline`, [
    { op: 'replace', path: '/spec/template/spec/containers/0/image', value: image }
  ])
  if (answer.kind !== 'ok') throw new Error(`deploying ${image} failed: ${answer.detail}`)
}

export async function fleetPods(client: KubeClient, namespace: string): Promise<readonly FleetPod[]> {
  const answer = await client.get(`/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${APP}`)
  if (answer.kind !== 'ok') throw new Error(answer.detail)
  return listAt(answer.object, 'items').map(pod => ({
    namespace,
    deployment: textMap({ app: textAt(pod, 'metadata', 'labels', 'app') })['app'] ?? APP,
    name: textAt(pod, 'metadata', 'name') ?? '',
    image: textAt(pod, 'spec', 'containers', 0, 'image') ?? '',
    ready: listAt(pod, 'status', 'conditions').some(
      condition => textAt(condition, 'type') === 'Ready' && textAt(condition, 'status') === 'True'
    )
  }))
}

/** The image that runs, once every replica is available. */
export async function runningImage(client: KubeClient, namespace: string): Promise<string | undefined> {
  const answer = await client.get(`/apis/apps/v1/namespaces/${namespace}/deployments/${APP}`)
  if (answer.kind !== 'ok') return undefined
  const { object } = answer
  const wanted = numberAt(object, 'spec', 'replicas')
  const done =
    numberAt(object, 'status', 'observedGeneration') === numberAt(object, 'metadata', 'generation') &&
    numberAt(object, 'status', 'updatedReplicas') === wanted &&
    numberAt(object, 'status', 'availableReplicas') === wanted &&
    numberAt(object, 'status', 'replicas') === wanted
  return done ? textAt(object, 'spec', 'template', 'spec', 'containers', 0, 'image') : undefined
}
