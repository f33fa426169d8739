import { createOutside } from '../app/sources.ts'
import { KubeconfigError } from '../cluster/access.ts'
import { connect } from '../cluster/connection.ts'
import { createKubeClient } from '../cluster/kube-client.ts'
import type { Config } from '../config.ts'
import { withBreaker } from '../outgoing/breaker.ts'
import { createClockOffset } from '../outgoing/clock-offset.ts'
import { createHttpClient, type HttpClient } from '../outgoing/http-client.ts'
import { systemClock, systemIds } from '../outgoing/system-clock.ts'
import type { PolicySet } from '../policies/load.ts'
import { type Finding, trouble } from './finding.ts'
import { checkAccess, checkDataFolder, checkHelm, checkPolicies } from './local.ts'
import { checkCluster, checkRights } from './rights.ts'
import { checkAlertmanager, checkChannels, checkPrometheus } from './sources.ts'

/** Each call has its own deadline; this is for all of them together. */
const ALL_WITHIN_MS = 60_000

/** Looks at everything that `serve` with the same settings would need. Writes nothing; sends nothing unless asked to. */
export async function* examine(config: Config, options: { readonly sendTest: boolean }): AsyncGenerator<Finding> {
  yield checkAccess(config)
  yield checkDataFolder(config.dataDir)
  const { findings, set } = await checkPolicies(config.policies)
  yield* findings
  const http = createHttpClient(systemClock.now)
  const signal = AbortSignal.timeout(ALL_WITHIN_MS)
  try {
    yield* await clusterFindings(config, set, http, signal)
    if (set === undefined) return
    yield* await checkHelm(config, set, signal)
    const outside = createOutside(http, systemClock, config.prometheusUrl)(set)
    const status = await outside.status(signal)
    yield* await checkPrometheus(outside, status['prometheus'], set.policies, signal)
    yield* checkAlertmanager(status['alertmanager'])
    yield* await checkChannels(outside, set.policies, options.sendTest ? { id: systemIds.next() } : undefined, signal)
  } finally {
    http.close()
  }
}

async function clusterFindings(
  config: Config,
  set: PolicySet | undefined,
  http: HttpClient,
  signal: AbortSignal
): Promise<readonly Finding[]> {
  try {
    const connection = await connect(config, systemClock.now)
    const offset = createClockOffset(systemClock.now)
    const kube = createKubeClient(connection, http, withBreaker(http, { name: 'kubernetes' }), offset)
    const findings = await checkCluster(kube, connection.server, offset, signal)
    if (set === undefined || findings.some(finding => finding.state === 'unreachable')) return findings
    return [...findings, ...(await checkRights(kube, set.policies, config.mode, signal))]
  } catch (cause) {
    if (!(cause instanceof KubeconfigError)) throw cause
    return [trouble('cluster', 'bad', cause.message, 'give --kubeconfig a file that kubectl works with')]
  }
}
