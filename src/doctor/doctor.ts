import { createChannelTools } from '../app/channel-tools.ts'
import { createSecretFiles } from '../app/secret-files.ts'
import { createSources, type SourceStatus } from '../app/sources.ts'
import { createSecrets, type Secrets, scrubbedCopy } from '../base/secrets.ts'
import { KubeconfigError } from '../cluster/access.ts'
import { connect } from '../cluster/connection.ts'
import { createKubeClient, type KubeClient } from '../cluster/kube-client.ts'
import type { Config } from '../config.ts'
import { policiesInForce } from '../domain/guard-entries.ts'
import { openChannels } from '../notify/channels.ts'
import { CHANNELS } from '../notify/registry.ts'
import { withBreaker } from '../outgoing/breaker.ts'
import { type ClockOffset, createClockOffset } from '../outgoing/clock-offset.ts'
import { createHttpClient, type HttpClient } from '../outgoing/http-client.ts'
import { systemClock, systemIds } from '../outgoing/system-clock.ts'
import type { PolicySet } from '../policies/load.ts'
import { channelsInUse, checkAnyChannel, checkChannels, checkHeartbeat } from './channels.ts'
import { type Finding, trouble } from './finding.ts'
import { checkAccess, checkDataFolder, checkHelm, checkPolicies } from './local.ts'
import { tryQueries } from './queries.ts'
import { checkCluster, checkRights } from './rights.ts'
import { checkAlertmanager, checkPrometheus } from './sources.ts'
import { noKube } from './test-channel.ts'
import { checkWatches } from './watches.ts'

/** The deadline of all calls together. Each call has its own besides. */
const ALL_WITHIN_MS = 60_000

export interface DoctorOptions {
  /** Whether every channel in use gets a message. */
  readonly sendTest: boolean
  /** The labels of an alert, with which the queries of the policies are tried. */
  readonly labels?: Readonly<Record<string, string>>
  /** The credentials that are known already. */
  readonly secrets?: Secrets
}

/** Looks at everything that `serve` with the same settings would need. Writes nothing; sends nothing unless asked to. */
export async function* examine(config: Config, options: DoctorOptions): AsyncGenerator<Finding> {
  const secrets = options.secrets ?? createSecrets()
  for await (const finding of examined(config, options, secrets)) yield scrubbedCopy(finding, secrets.scrub)
}

async function* examined(config: Config, options: DoctorOptions, secrets: Secrets): AsyncGenerator<Finding> {
  yield checkAccess(config)
  yield checkDataFolder(config.dataDir)
  const { findings, set } = await checkPolicies(config.policies)
  yield* findings
  const files = createSecretFiles(secrets)
  const http = createHttpClient(systemClock.now, secrets.scrub)
  // What goes to people may go by a proxy.
  const outward = createHttpClient(systemClock.now, secrets.scrub, config.proxy)
  const signal = AbortSignal.timeout(ALL_WITHIN_MS)
  try {
    const cluster = await openCluster(config, http, secrets)
    yield* 'problem' in cluster ? [cluster.problem] : await clusterFindings(cluster, config, set, signal)
    if (set === undefined) return
    yield* await checkHelm(config, set, signal)
    const sources = createSources({ http, clock: systemClock, readSecret: files.read, prometheusUrl: config.prometheusUrl })(set)
    const status = await sources.status(signal)
    yield* await checkPrometheus(sources, status['prometheus'], set.policies, signal)
    if (sources.prometheus !== undefined && reachable(status['prometheus']))
      yield* await tryQueries(sources.prometheus, set.policies, options.labels ?? {}, signal)
    yield* checkAlertmanager(status['alertmanager'])
    const { kube } = 'problem' in cluster ? { kube: noKube } : cluster
    const channels = openChannels(
      CHANNELS,
      set.channels,
      createChannelTools({ http: outward, kube, clock: systemClock, origin: config.origin }, files.read)
    )
    const policies = policiesInForce(set)
    yield* checkAnyChannel(channels, policies)
    const send = options.sendTest ? { id: systemIds.next() } : undefined
    yield* await checkChannels(channels, channelsInUse(policies, set), send, signal)
    yield* await checkHeartbeat(set.heartbeat, outward, files.read, signal)
  } finally {
    http.close()
    outward.close()
  }
}

function reachable(status: SourceStatus | undefined): boolean {
  return status?.configured === true && status.reachable
}

interface OpenedCluster {
  readonly kube: KubeClient
  readonly server: string
  readonly offset: ClockOffset
}

async function openCluster(config: Config, http: HttpClient, secrets: Secrets): Promise<OpenedCluster | { readonly problem: Finding }> {
  try {
    const connection = await connect(config, systemClock.now, secrets.know)
    const offset = createClockOffset(systemClock.now)
    const kube = createKubeClient(connection, http, withBreaker(http, { name: 'kubernetes' }), offset)
    return { kube, server: connection.server, offset }
  } catch (cause) {
    if (!(cause instanceof KubeconfigError)) throw cause
    return { problem: trouble('cluster', 'bad', cause.message, 'give --kubeconfig a file that kubectl works with') }
  }
}

async function clusterFindings(
  { kube, server, offset }: OpenedCluster,
  config: Config,
  set: PolicySet | undefined,
  signal: AbortSignal
): Promise<readonly Finding[]> {
  const findings = await checkCluster(kube, server, offset, signal)
  if (set === undefined || findings.some(finding => finding.state === 'unreachable')) return findings
  return [
    ...findings,
    ...(await checkRights(kube, policiesInForce(set), config.mode, signal)),
    ...(await checkWatches(kube, policiesInForce(set), systemClock.now, signal))
  ]
}
