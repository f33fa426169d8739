import { readFileSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import { parseDuration } from '../base/duration.ts'
import type { AlertStates } from '../domain/guard.ts'
import type { Verifier } from '../domain/ports/verifier.ts'
import { type GuardedClient, withBreaker } from '../outgoing/breaker.ts'
import { type ClockOffset, createClockOffset } from '../outgoing/clock-offset.ts'
import type { HttpClient } from '../outgoing/http-client.ts'
import type { PolicySet } from '../policies/load.ts'
import { alertmanagerStates } from '../verification/alert-states.ts'
import { createPrometheus, type Prometheus } from '../verification/prometheus.ts'
import type { SecretFiles } from './secret-files.ts'

/** The clients of a policy file's `sources`. Each reload makes them anew. */
export interface Sources {
  readonly verifier: Verifier
  readonly prometheus: Prometheus | undefined
  readonly alertStates: AlertStates | undefined
  /** Asks each configured source a cheap question. */
  status(signal: AbortSignal): Promise<Readonly<Record<string, SourceStatus>>>
}

/** How one source answered, for `astern status`, the doctor and metrics. */
export type SourceStatus =
  | { readonly configured: false }
  | {
      readonly configured: true
      readonly reachable: boolean
      readonly detail: string
      readonly breaker: string
      readonly clockOffsetMs?: number
    }

interface Kept {
  readonly client: GuardedClient
  readonly offset: ClockOffset
}

export interface SourceTools {
  readonly http: HttpClient
  readonly clock: Clock
  readonly readSecret: SecretFiles['read']
  /** Overrides the URL of the policy file. */
  readonly prometheusUrl: string | undefined
}

/** Makes the sources of a set of policies. A source keeps its breaker and its clock's bounds across reloads while its URL stays. */
export function createSources({ http, clock, readSecret, prometheusUrl }: SourceTools): (set: PolicySet) => Sources {
  const all = new Map<string, Kept>()
  const keep = (name: string, url: string): Kept => {
    const key = `${name} ${url}`
    const found = all.get(key) ?? { client: withBreaker(http, { name }), offset: createClockOffset(clock.now) }
    all.set(key, found)
    return found
  }
  return set => {
    const source = set.sources.prometheus
    const url = prometheusUrl ?? source?.url
    let prometheus: Prometheus | undefined
    let state: () => string = () => 'absent'
    if (url !== undefined) {
      const { client, offset } = keep('prometheus', url)
      const timeoutMs = source?.timeout === undefined ? undefined : parseDuration(source.timeout)
      prometheus = createPrometheus({
        url,
        client,
        offset,
        now: clock.now,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(source?.headers === undefined ? {} : { headers: source.headers }),
        ...authorized(source, readSecret),
        ...(source?.caFile === undefined ? {} : { ca: readFileSync(source.caFile, 'utf8') })
      })
      state = client.state
    }
    const alertmanager = set.sources.alertmanager
    const kept = alertmanager === undefined ? undefined : keep('alertmanager', alertmanager.url)
    const alertStates =
      alertmanager === undefined || kept === undefined
        ? undefined
        : alertmanagerStates(alertmanager.url, kept.client, authorized(alertmanager, readSecret).authorization)
    return {
      verifier: prometheus ?? absentVerifier,
      prometheus,
      alertStates,
      async status(signal) {
        const [check, states] = await Promise.all([
          prometheus?.check(signal),
          // No alert has this name. Only whether Alertmanager answers is of interest.
          alertStates?.stateOf({ alertname: 'AsternAsks' }, signal)
        ])
        return {
          prometheus:
            prometheus === undefined || check === undefined
              ? { configured: false }
              : { configured: true, ...check, breaker: state(), clockOffsetMs: prometheus.clockOffset() },
          ...(states === undefined || kept === undefined
            ? {}
            : {
                alertmanager: {
                  configured: true,
                  reachable: states.kind !== 'unreachable',
                  detail: states.kind === 'unreachable' ? states.detail : 'answers about silences',
                  breaker: kept.client.state()
                }
              })
        }
      }
    }
  }
}

/** Stands in where no Prometheus is configured, and gives no number. The loader lets no policy through that would need one. */
const absentVerifier: Verifier = {
  sample: async queries => ({
    time: 0,
    verdict: 'error',
    problem: 'unreachable',
    queries: queries.map(query => ({
      query: query.name,
      promql: query.promql,
      time: 0,
      verdict: 'error',
      problem: 'unreachable',
      detail: 'no source is configured',
      tookMs: 0
    }))
  }),
  history: async () => ({ kind: 'unknown', problem: 'unreachable', detail: 'no source is configured' }),
  clockOffset: () => 0,
  clockUncertainty: () => 0
}

/** How a source's credential is read: afresh for each call, because files with tokens are replaced. */
function authorized(
  source: NonNullable<PolicySet['sources']['prometheus']> | undefined,
  readSecret: SecretFiles['read']
): { readonly authorization?: () => Promise<string> } {
  const { bearerTokenFile, basicAuth } = source ?? {}
  if (bearerTokenFile !== undefined) return { authorization: async () => `Bearer ${await readSecret(bearerTokenFile)}` }
  if (basicAuth === undefined) return {}
  const { username, passwordFile } = basicAuth
  return { authorization: async () => `Basic ${Buffer.from(`${username}:${await readSecret(passwordFile)}`).toString('base64')}` }
}
