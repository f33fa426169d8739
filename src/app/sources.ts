import { readFile } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import { parseDuration } from '../base/duration.ts'
import type { AlertStates } from '../domain/guard.ts'
import type { Verifier } from '../domain/ports/verifier.ts'
import { type GuardedClient, withBreaker } from '../outgoing/breaker.ts'
import { type ClockOffset, createClockOffset } from '../outgoing/clock-offset.ts'
import type { HttpClient } from '../outgoing/http-client.ts'
import type { PolicySet } from '../policies/load.ts'
import { alertmanagerStates } from '../verification/alert-states.ts'
import { alertmanagerHeld, type HeldAlerts } from '../verification/held-alerts.ts'
import { createPrometheus, type Prometheus } from '../verification/prometheus.ts'
import type { SourceAccess } from '../verification/source-http.ts'
import type { SecretFiles } from './secret-files.ts'

/** The clients of a policy file's `sources`. Each reload makes them anew. */
export interface Sources {
  readonly verifier: Verifier
  readonly prometheus: Prometheus | undefined
  readonly alertStates: AlertStates | undefined
  /** What Alertmanager holds for a receiver. */
  readonly heldAlerts: HeldAlerts | undefined
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
    const access = (name: keyof PolicySet['sources'], override?: string): (SourceAccess & Kept) | undefined => {
      const source = set.sources[name]
      const url = override ?? source?.url
      return url === undefined ? undefined : { url, ...keep(name, url), ...accessOf(source, readSecret) }
    }
    const toPrometheus = access('prometheus', prometheusUrl)
    const prometheus = toPrometheus === undefined ? undefined : createPrometheus({ ...toPrometheus, now: clock.now })
    const kept = access('alertmanager')
    const alertStates = kept === undefined ? undefined : alertmanagerStates(kept)
    return {
      verifier: prometheus ?? absentVerifier,
      prometheus,
      alertStates,
      heldAlerts: kept === undefined ? undefined : alertmanagerHeld(kept),
      async status(signal) {
        const [check, states] = await Promise.all([
          prometheus?.check(signal),
          // No alert has this name. Only whether Alertmanager answers is of interest.
          alertStates?.stateOf({ alertname: 'AsternAsks' }, signal)
        ])
        return {
          prometheus:
            prometheus === undefined || check === undefined || toPrometheus === undefined
              ? { configured: false }
              : { configured: true, ...check, breaker: toPrometheus.client.state(), clockOffsetMs: prometheus.clockOffset() },
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

type SourceSettings = NonNullable<PolicySet['sources'][keyof PolicySet['sources']]>

/** What the settings of a source come to. Its files are read afresh for each call, because they are replaced. */
function accessOf(source: SourceSettings | undefined, readSecret: SecretFiles['read']): Omit<SourceAccess, 'url' | 'client'> {
  const { bearerTokenFile, basicAuth, headers, timeout, caFile, certFile, keyFile } = source ?? {}
  const timeoutMs = timeout === undefined ? undefined : parseDuration(timeout)
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(headers === undefined ? {} : { headers }),
    ...(bearerTokenFile === undefined ? {} : { authorization: async () => `Bearer ${await readSecret(bearerTokenFile)}` }),
    ...(basicAuth === undefined ? {} : { authorization: () => basic(basicAuth, readSecret) }),
    ...(caFile === undefined && certFile === undefined
      ? {}
      : {
          tls: async () => ({
            ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }),
            ...(certFile === undefined ? {} : { cert: await readFile(certFile, 'utf8') }),
            ...(keyFile === undefined ? {} : { key: await readSecret(keyFile) })
          })
        })
  }
}

async function basic(
  { username, passwordFile }: { readonly username: string; readonly passwordFile: string },
  readSecret: SecretFiles['read']
): Promise<string> {
  return `Basic ${Buffer.from(`${username}:${await readSecret(passwordFile)}`).toString('base64')}`
}
