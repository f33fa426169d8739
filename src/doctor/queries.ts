import { atMost } from '../base/at-most.ts'
import { holds, type Policy, type PolicyTarget, type Threshold } from '../domain/policy.ts'
import { parseMatchers } from '../policies/matchers.ts'
import type { Hole } from '../templates/template.ts'
import { parseTemplate, renderTemplate } from '../templates/template.ts'
import { type Probe, QUERY_FAULTS } from '../verification/probe.ts'
import type { Prometheus } from '../verification/prometheus.ts'
import { type Finding, fine, trouble } from './finding.ts'
import { openQuery } from './open-query.ts'

/** What a query of a policy gave when it was tried. */
export interface QueryFinding extends Finding {
  readonly policy: string
  readonly query: string
  /** The query as it was asked. */
  readonly promql: string
}

/** How many queries are tried at a time. A source that serves alerts must not suffer from a check. */
const AT_A_TIME = 4
/**
 * Samples of one instant. The past is asked for up to 100 instants at once (rules 2), and 100 times this is Prometheus' default limit
 * of 50 million samples.
 */
const COSTLY_SAMPLES = 500_000
/** Every look costs this time, and each policy looks at all of its queries. */
const COSTLY_MS = 2_000

interface Asked {
  readonly policy: string
  readonly query: string
  readonly promql: string
  readonly open: readonly string[]
  readonly failWhen?: Threshold
}

/** Asks every query of the policies once, without an alert, so that what is wrong with it is found before one. */
export async function tryQueries(
  prometheus: Pick<Prometheus, 'probe'>,
  policies: readonly Policy[],
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal
): Promise<readonly QueryFinding[]> {
  const inTurn = atMost(AT_A_TIME)
  // Policies share queries, and a source that is away is asked no further.
  const probes = new Map<string, Promise<Probe>>()
  let away = false
  const asked = policies.flatMap(policy => queriesOf(policy, labels))
  const found = await Promise.all(
    asked.map(async one => {
      const probe =
        probes.get(one.promql) ??
        inTurn(async () => {
          if (away) return NOT_ASKED
          const answered = await prometheus.probe(one.promql, signal)
          if (isAway(answered)) away = true
          return answered
        })
      probes.set(one.promql, probe)
      return { one, probe: await probe }
    })
  )
  const skipped = found.filter(({ probe }) => probe === NOT_ASKED)
  return found.filter(({ probe }) => probe !== NOT_ASKED).map(({ one, probe }) => findingOf(one, probe, skipped.length))
}

const NOT_ASKED: Probe = { answer: { kind: 'problem', problem: 'unreachable', detail: '' }, tookMs: 0 }

function isAway({ answer }: Probe): boolean {
  return answer.kind === 'problem' && ['unreachable', 'deadline', 'breaker-open', 'not-ready', 'malformed-answer'].includes(answer.problem)
}

function queriesOf(policy: Policy, labels: Readonly<Record<string, string>>): readonly Asked[] {
  const known = { ...labelsOf(policy), ...labels }
  const ask = (query: string, source: string, target: PolicyTarget, failWhen?: Threshold): Asked => ({
    policy: policy.name,
    query,
    ...openQuery(source, hole => knownOf(hole, known, target)),
    ...(failWhen === undefined ? {} : { failWhen })
  })
  return [
    ...policy.verify.flatMap(query => [
      ask(query.name, query.promql, policy.target, query.failWhen),
      ...(query.traffic === undefined ? [] : [ask(`${query.name}, traffic`, query.traffic.promql, policy.target)])
    ]),
    ...policy.steps.flatMap((step, index) =>
      (step.when?.queries ?? []).map(query => ask(`steps[${index}], ${query.name}`, query.promql, step.target ?? policy.target))
    )
  ]
}

/** The labels that every alert of the policy has, because its matchers say so. */
function labelsOf(policy: Policy): Readonly<Record<string, string>> {
  const matchers = policy.match.flatMap(source => {
    const parsed = parseMatchers(source)
    return 'error' in parsed ? [] : parsed
  })
  return Object.fromEntries(
    matchers.flatMap(({ name, operator, readings: [value, ...more] }) =>
      operator === '=' && value !== undefined && more.length === 0 ? [[name, value]] : []
    )
  )
}

function knownOf(hole: Hole, labels: Readonly<Record<string, string>>, target: PolicyTarget): string | undefined {
  switch (hole.root) {
    case 'labels':
      return labels[hole.name]
    case 'annotations':
      return undefined
    case 'target': {
      if (hole.name === 'kind') return target.kind
      if (hole.name !== 'namespace' && hole.name !== 'name') return undefined
      const template = parseTemplate(target[hole.name])
      if ('error' in template) return undefined
      const rendered = renderTemplate(template, { labels, annotations: {} }, value => ({ text: value }))
      return rendered.kind === 'text' ? rendered.text : undefined
    }
  }
}

function findingOf(asked: Asked, probe: Probe, skipped: number): QueryFinding {
  const { policy, query, promql } = asked
  return { ...judged(asked, probe, skipped), policy, query, promql }
}

function judged({ policy, query, open, failWhen }: Asked, probe: Probe, skipped: number): Finding {
  const check = `query of ${policy}`
  const { answer } = probe
  const given = open.length === 0 ? '' : ` (any ${open.join(', ')})`
  if (answer.kind === 'problem') {
    const detail = `${query}${given}: ${answer.detail}`
    if (isAway(probe)) {
      const rest = skipped === 0 ? '' : `; ${skipped} more were not asked`
      return trouble(check, 'unreachable', `${detail}${rest}`, 'check sources.prometheus, or the URL that was given')
    }
    if (QUERY_FAULTS.has(answer.problem)) return trouble(check, 'bad', detail, FAULT_TODO)
    if (answer.problem === 'many-series')
      return open.length === 0
        ? trouble(check, 'bad', detail, FAULT_TODO)
        : trouble(check, 'warning', detail, `aggregate it, or give ${asFlags(open)} to see whether one series is left`)
    if (answer.problem === 'no-data')
      return trouble(
        check,
        'warning',
        `${query}${given}: no data now`,
        'compare the names of metrics and labels; without data nothing is decided. Of errors that a healthy service has none of, see docs/policies.md'
      )
    return trouble(check, 'warning', `${detail} now`, 'look at the query: while it answers so, nothing is decided')
  }
  const costs = costOf(probe)
  const verdict = failWhen === undefined ? '' : `, would ${holds(failWhen, answer.value) ? 'fail' : 'pass'}`
  const detail = `${query}${given}: ${answer.value} now${verdict}`
  return costs === undefined
    ? fine(check, detail)
    : trouble(check, 'warning', `${detail}; ${costs}`, 'make a recording rule of it, or narrow its labels: it is asked again and again')
}

const FAULT_TODO = 'mend the query: at an alert it would decide nothing'

function costOf({ samples, tookMs }: Probe): string | undefined {
  if (samples !== undefined && samples > COSTLY_SAMPLES) return `reads ${samples} samples, and the past up to 100 times as many`
  return tookMs > COSTLY_MS ? `took ${(tookMs / 1_000).toFixed(1)} s` : undefined
}

function asFlags(open: readonly string[]): string {
  const labels = open.flatMap(name => (name.startsWith('labels.') ? [`--label ${name.slice('labels.'.length)}=…`] : []))
  return labels.length === 0 ? '--label for the labels of its target' : labels.join(' ')
}
