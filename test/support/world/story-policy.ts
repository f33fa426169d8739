import type { JsonObject } from '../../../src/base/json.ts'

const WINDOW = '5s'
export const RATIO_OF = (selector: string): string => {
  const all = `sum(rate(http_requests_total{${selector}}[${WINDOW}]))`
  return `(sum(rate(http_requests_total{${selector}, status=~"5.."}[${WINDOW}])) or 0 * ${all}) / ${all}`
}

/** Fast, so that stories take seconds. */
export function storyPolicy(namespace: string, more: JsonObject = {}): JsonObject {
  return {
    name: 'undo',
    match: ['alertname="HighErrorRatio"'],
    target: { kind: 'Deployment', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' },
    mode: 'auto',
    changedWithin: '10m',
    verify: [
      {
        name: 'error ratio',
        promql: RATIO_OF('namespace="{{ target.namespace }}", deployment="{{ target.name }}"'),
        failWhen: '> 5%',
        traffic: {
          promql: `sum(rate(http_requests_total{namespace="{{ target.namespace }}", deployment="{{ target.name }}"}[${WINDOW}]))`,
          atLeast: 1
        },
        samples: 2,
        every: '1s',
        maxAge: '10s'
      }
    ],
    steps: [{ action: 'rollout-undo', with: { provenFor: '0s' }, confirm: { within: '80s', passes: 2, every: '1s' } }],
    guards: { namespaces: [namespace], cooldown: '1s' },
    escalate: { after: '2m', to: ['people'] },
    recheck: '1s',
    ...more
  }
}

/** Of this namespace only: pod addresses are used again, and may for a moment be another story's. */
export const rules = (namespace: string): readonly unknown[] => [
  {
    name: 'stories',
    interval: '1s',
    rules: [
      {
        alert: 'HighErrorRatio',
        expr: `sum by (namespace, deployment) (rate(http_requests_total{namespace="${namespace}", status=~"5.."}[${WINDOW}])) / sum by (namespace, deployment) (rate(http_requests_total{namespace="${namespace}"}[${WINDOW}])) > 0.05`,
        for: '2s',
        labels: { severity: 'critical' }
      }
    ]
  }
]
