const SELECTOR = 'namespace="{{ target.namespace }}", deployment="{{ target.name }}"'
const ALL = `sum(rate(http_requests_total{${SELECTOR}}[2m]))`

/** The starter's first policy with one sample, a window that is over, and no brake on how many targets alert at once. */
export function policies(sources: string, more: { readonly mode?: 'auto' | 'dry-run'; readonly storm?: boolean } = {}): unknown {
  const off = 1_000_000
  return {
    version: 1,
    sources: { prometheus: { url: sources } },
    channels: { people: { webhook: { url: 'http://127.0.0.1:1' } } },
    defaults: {
      guards: {
        namespaces: ['shop'],
        cooldown: '1s',
        budgets: [{ limit: off, per: '1h', scope: 'global' }],
        ...(more.storm === true ? {} : { storm: { targets: off, within: '1s', calm: '1s' } })
      }
    },
    policies: [
      {
        name: 'api-5xx-after-deploy',
        match: ['alertname="ApiHighErrorRate"', 'severity=~"critical|page"'],
        target: { kind: 'Deployment', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' },
        mode: more.mode ?? 'dry-run',
        verify: [
          {
            name: 'error ratio',
            promql: `(sum(rate(http_requests_total{${SELECTOR}, status=~"5.."}[2m])) or 0 * ${ALL}) / ${ALL}`,
            failWhen: '> 5%',
            traffic: { promql: ALL, atLeast: 1 },
            samples: 1
          }
        ],
        steps: [{ action: 'rollout-undo' }],
        escalate: { to: ['people'] }
      }
    ]
  }
}
