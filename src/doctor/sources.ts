import type { SourceStatus, Sources } from '../app/sources.ts'
import type { Policy } from '../domain/policy.ts'
import { alertnamesOf, parseMatchers } from '../policies/matchers.ts'
import { clockFinding } from './clock.ts'
import { type Finding, fine, trouble } from './finding.ts'

export async function checkPrometheus(
  { prometheus }: Sources,
  status: SourceStatus | undefined,
  policies: readonly Policy[],
  signal: AbortSignal
): Promise<readonly Finding[]> {
  if (prometheus === undefined || status?.configured !== true)
    return policies.length === 0
      ? []
      : [trouble('prometheus', 'bad', 'no source is configured', 'set sources.prometheus.url in the policies, or ASTERN_PROMETHEUS_URL')]
  if (!status.reachable)
    return [
      trouble('prometheus', 'unreachable', status.detail, 'check sources.prometheus: its URL, credentials, CA; and the NetworkPolicy')
    ]
  const rules = await prometheus.alertingRules(signal)
  const found = [fine('prometheus', status.detail), ...clockFinding('prometheus', prometheus.clockOffset())]
  if ('problem' in rules)
    return [
      ...found,
      trouble(
        'rules API',
        'warning',
        rules.problem,
        'open /api/v1/rules to Astern: without it nobody sees when a policy waits for an alert that no rule has'
      )
    ]
  const known = new Set(rules)
  const strangers = policies.flatMap(policy => {
    const names = policy.match.flatMap(source => {
      const matchers = parseMatchers(source)
      return 'error' in matchers ? [] : (alertnamesOf(matchers) ?? [])
    })
    return names.length > 0 && names.every(name => !known.has(name)) ? [`${policy.name} waits for ${names.join(', ')}`] : []
  })
  return [
    ...found,
    strangers.length === 0
      ? fine('rules API', `${rules.length} alerting rules`)
      : trouble(
          'rules API',
          'warning',
          `no alerting rule has that name: ${strangers.join('; ')}`,
          'compare the names; alerts of another ruler are fine'
        )
  ]
}

export function checkAlertmanager(status: SourceStatus | undefined): readonly Finding[] {
  if (status?.configured !== true) return []
  return [
    status.reachable
      ? fine('alertmanager', status.detail)
      : trouble(
          'alertmanager',
          'unreachable',
          status.detail,
          'check sources.alertmanager: while it is away, decisions wait as `source-unreachable`'
        )
  ]
}
