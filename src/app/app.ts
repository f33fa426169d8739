import { hostname } from 'node:os'
import { ACTIONS } from '../actions/registry.ts'
import type { Clock, Ids } from '../base/clock.ts'
import { createSecrets, type Secrets } from '../base/secrets.ts'
import { createCluster } from '../cluster/cluster.ts'
import { connect } from '../cluster/connection.ts'
import { createGuardedCluster } from '../cluster/guarded-cluster.ts'
import { createKubeClient } from '../cluster/kube-client.ts'
import { createProxiedPodPages } from '../cluster/proxied-pod-pages.ts'
import { type Config, ConfigError, openToWire } from '../config.ts'
import { policiesInForce, policyOfGuard } from '../domain/guard-entries.ts'
import type { Policy } from '../domain/policy.ts'
import type { DeployGuards } from '../domain/ports/deploy-guards.ts'
import { type Faults, noFaults } from '../domain/ports/faults.ts'
import type { Ledger } from '../domain/ports/ledger.ts'
import { GUARDS } from '../guards/guards.ts'
import { listen } from '../http/listen.ts'
import { createServer } from '../http/server.ts'
import { openTokens } from '../http/tokens.ts'
import { openSqliteLedger } from '../ledger/sqlite/open.ts'
import { createChannels } from '../notify/channels.ts'
import { CHANNELS } from '../notify/registry.ts'
import { startSender } from '../notify/sender.ts'
import { withBreaker } from '../outgoing/breaker.ts'
import { createClockOffset } from '../outgoing/clock-offset.ts'
import { createDirectPodPages } from '../outgoing/direct-pod-pages.ts'
import { createHttpClient } from '../outgoing/http-client.ts'
import { createOwnAddresses } from '../outgoing/own-addresses.ts'
import { systemClock, systemIds } from '../outgoing/system-clock.ts'
import type { Ports } from '../pipeline/ports.ts'
import { createWorker } from '../pipeline/worker.ts'
import type { PolicyProblem } from '../policies/problem.ts'
import { openPolicyStore } from '../policies/store.ts'
import { measureEventLoop } from '../telemetry/event-loop.ts'
import { meterGuards } from '../telemetry/guard-metrics.ts'
import { createLogger, type Lines, type Logger, scrubbing } from '../telemetry/logger.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { openActions } from './actions.ts'
import { createChannelTools } from './channel-tools.ts'
import { createCleanups, type OnStop } from './cleanups.ts'
import { createGuarding } from './guarding.ts'
import { lookScope } from './look-scope.ts'
import { createOperations } from './operations.ts'
import { createRecorder } from './recorder.ts'
import { createRefusals } from './refusals.ts'
import { createReload } from './reload.ts'
import { registerRoutes } from './routes.ts'
import { scrubbedLedger } from './scrubbed-ledger.ts'
import { createSecretFiles } from './secret-files.ts'
import { createSourceProbe } from './source-probe.ts'
import { createSources } from './sources.ts'
import { atMostEvery, every, failingOnce } from './timers.ts'
import { VERSION } from './version.ts'
import { VOCABULARY } from './vocabulary.ts'
import { startWatching } from './watching.ts'

/** The policies do not load at the start. The command prints the problems and exits with code 1. */
export class PoliciesError extends Error {
  readonly problems: readonly PolicyProblem[]
  constructor(problems: readonly PolicyProblem[]) {
    super('the policies cannot be used')
    this.problems = problems
  }
}

export interface App {
  /** The address on which Astern listens, with its port. */
  readonly address: string
  readonly ledger: Ledger
  /** Loads the policy files again, as SIGHUP does. */
  reload(): Promise<void>
  stop(): Promise<void>
}

export interface AppParts {
  readonly clock?: Clock
  readonly ids?: Ids
  readonly faults?: Faults
  readonly logger?: Logger
  /** Gets the lines of the log, where no logger is given. Default: the standard output. */
  readonly output?: Lines
  /** The credentials that are known already. */
  readonly secrets?: Secrets
  /** Watches rollouts. */
  readonly deployGuards?: DeployGuards
}

/** How often Astern looks whether policy files changed. Files of a mounted ConfigMap change by themselves. */
const RELOAD_EVERY_MS = 5_000
/** How often the head of the audit log is kept beside the ledger, if it changed: what is newer could be lost unseen with the log. */
const HEAD_EVERY_MS = 1_000
const PRUNE_EVERY_MS = 3_600_000
/** How often sources are probed: as often as Prometheus usually scrapes the metrics that the probe feeds. */
const PROBE_EVERY_MS = 30_000
/** A single alert is looked at once. Those that follow within this time are looked at together, which a storm needs. */
const KICK_EVERY_MS = 50

/** Makes every part and hands each what it needs. Takes all down again in reverse, also where the start fails half-way. */
export async function startApp(config: Config, parts: AppParts = {}): Promise<App> {
  const secrets = parts.secrets ?? createSecrets()
  const form = process.stdout.isTTY === true ? 'pretty' : 'json'
  const logger = parts.logger ?? createLogger(config.logLevel, form, scrubbing(parts.output ?? process.stdout, secrets.scrub))
  const { onStop, undo } = createCleanups(logger)
  try {
    return { ...(await compose(config, { ...parts, logger, secrets }, onStop)), stop: undo }
  } catch (cause) {
    await undo()
    throw cause
  }
}

type NeededParts = AppParts & Required<Pick<AppParts, 'logger' | 'secrets'>>

async function compose(config: Config, parts: NeededParts, onStop: OnStop): Promise<Omit<App, 'stop'>> {
  const { clock = systemClock, ids = systemIds, faults = noFaults, logger, secrets } = parts
  const files = createSecretFiles(secrets)
  const tokens = openTokens(config)
  const { authenticator } = tokens
  const policies = await openPolicyStore(config.policies, VOCABULARY)
  if (policies.kind === 'bad') throw new PoliciesError(policies.problems)
  const { store } = policies
  if (authenticator.needsAlertmanager && store.current().sources.alertmanager === undefined)
    throw new ConfigError(
      `${config.tokensFile}: a token says \`alertmanager: true\`, and the policies have no sources.alertmanager that could be asked about its alerts`
    )
  const metrics = createMetrics(ACTIONS.map(action => action.name))
  measureEventLoop(metrics.registry)
  metrics.reload(true, clock.now())
  const http = createHttpClient(clock.now, secrets.scrub)
  onStop('http client', () => http.close())
  for (const url of [config.proxy.HTTPS_PROXY, config.proxy.HTTP_PROXY]) if (url !== undefined) secrets.know(url)
  // What goes to people may go by a proxy. The cluster and the sources are near, and are called directly.
  const outward = createHttpClient(clock.now, secrets.scrub, config.proxy)
  onStop('http client of the channels', () => outward.close())
  const connection = await connect(config, clock.now, secrets.know)
  const clusterOffset = createClockOffset(clock.now)
  const kubeGuarded = withBreaker(http, { name: 'kubernetes' })
  const kube = createKubeClient(connection, http, kubeGuarded, clusterOffset)
  const opened = await openSqliteLedger(config.dataDir, ids)
  const ledger = scrubbedLedger(opened, secrets.scrub)
  onStop('ledger', () => ledger.close())
  const makeSources = createSources({ http, clock, readSecret: files.read, prometheusUrl: config.prometheusUrl })
  let sources = makeSources(store.current())
  const recorder = createRecorder(logger, metrics)
  // An entry of `guards:` is the policy of the runs that its guards begin.
  const inForce = (name: string): Policy | undefined => {
    const entry = store.guard(name)
    return store.policy(name) ?? (entry === undefined ? undefined : policyOfGuard(entry, { kind: 'Deployment', namespace: '*', name: '*' }))
  }
  let listening = config.listen
  const channels = createChannels(CHANNELS, createChannelTools({ http: outward, kube, clock, origin: config.origin }, files.read))
  channels.follow(store.current().channels)
  const cluster = createCluster(
    kube,
    clusterOffset,
    clock.now,
    lookScope(config, () => policiesInForce(store.current()))
  )
  const owner = `${hostname()}/${process.pid}/${ids.next()}`
  const own = createOwnAddresses(config.ownHosts)
  const facts = async () => ({ own: await own(), listening, podCidrs: config.podCidrs })
  const guarding = createGuarding(
    {
      ...{ clock, ids, ledger, cluster, faults },
      guarded: createGuardedCluster(kube, clusterOffset, clock.now),
      sources: () => sources,
      pages: { direct: createDirectPodPages(facts), proxy: createProxiedPodPages(connection) },
      policies: () => store.current(),
      ceiling: config.mode,
      failed: recorder.failed,
      meter: meterGuards(metrics.registry, () => ledger.guardsUnderWay())
    },
    owner
  )
  const ports: Ports = {
    clock,
    ids,
    ledger,
    cluster,
    verifier: () => sources.verifier,
    alertStates: () => sources.alertStates,
    guardEvidence: guarding.evidence,
    actions: openActions(config, { http, secrets, files, facts }),
    tools: { kube, cluster, clock },
    guards: GUARDS,
    policies: { match: labels => store.index().match(labels), policy: inForce, storm: () => store.current().storm },
    channels,
    fieldOwnership: config.fieldOwnership,
    senders: { confirmed: authenticator.confirmed, authenticated: config.tokensFile !== undefined },
    ceiling: config.mode,
    ownNamespace: config.ownNamespace,
    faults,
    recorder
  }
  const worker = createWorker(ports, { owner })
  const sender = startSender({
    ledger,
    clock,
    faults,
    channel: channels.channel,
    fallbacks: channels.fallbacks,
    sent: recorder.sent,
    failed: recorder.failed
  })
  onStop('sender', () => sender.stop())
  onStop('worker', () => worker.stop())
  onStop('deploy guards', () => guarding.stop())
  const watching = startWatching({ kube, clusterOffset, clock, ledger, logger, policies: () => policiesInForce(store.current()) })
  onStop('watcher', () => watching.stop())

  const reload = createReload({
    store,
    tokens,
    ledger,
    clock,
    metrics,
    logger,
    async loaded() {
      tellWarnings(logger, store.current().warnings)
      sources = makeSources(store.current())
      channels.follow(store.current().channels)
      await watching.follow()
      worker.kick()
    }
  })
  tellWarnings(logger, store.current().warnings)
  await reload.recordStart(config.mode)
  every(RELOAD_EVERY_MS, reload.quietly, onStop, 'policy reload')
  const keepHead = failingOnce(opened.keepHead, cause => recorder.failed('keeping the head of the audit log', cause))
  every(HEAD_EVERY_MS, keepHead, onStop, 'head of the audit log')
  const prune = (): Promise<void> =>
    ledger
      .prune(clock.now() - config.keepDeliveriesMs, clock.now() - config.keepMs)
      .catch((cause: unknown) => recorder.failed('pruning', cause))
  every(PRUNE_EVERY_MS, prune, onStop, 'pruning')
  const probe = createSourceProbe({ sources: () => sources, kube, clusterOffset, metrics })
  const probeQuietly = (): Promise<void> => probe().catch((cause: unknown) => recorder.failed('probing the sources', cause))
  void probeQuietly()
  every(PROBE_EVERY_MS, probeQuietly, onStop, 'source probe')

  const operations = createOperations({
    scrub: secrets.scrub,
    ports,
    store,
    worker,
    metrics,
    reload: reload.now,
    sources: () => sources,
    kube,
    kubeState: kubeGuarded.state,
    watching,
    mode: config.mode,
    server: connection.server
  })
  const kick = atMostEvery(KICK_EVERY_MS, () => worker.kick())
  const server = await createServer({
    tls: config.tls,
    version: VERSION,
    ...(config.tokensFile === undefined ? { tokenless: { allowHosts: config.allowHosts } } : {}),
    refused: createRefusals({ metrics, logger, now: clock.now }),
    failed: cause => logger.error({ err: cause }, 'a request failed'),
    routes: all =>
      registerRoutes(all, {
        ...{ operations, authenticator, ledger, clock, ids, faults, logger, metrics, kick },
        deployGuards: parts.deployGuards ?? guarding.guards
      })
  })
  onStop('http server', () => server.close())
  const address = await listen(server, config)
  // Port 0 in the settings is another port now.
  listening = { ...config.listen, port: config.listen.port === 0 ? Number(new URL(address).port) : config.listen.port }
  worker.start()
  guarding.start()
  const open = openToWire(config)
  if (open !== undefined) logger.warn({ address, todo: open.todo }, open.told)
  logger.info(
    { address, mode: config.mode, policies: store.current().policies.length, cluster: connection.server, dataDir: config.dataDir },
    'astern is ready'
  )
  return { address, ledger, reload: reload.quietly }
}

function tellWarnings(logger: Logger, warnings: readonly PolicyProblem[]): void {
  for (const warning of warnings) logger.warn({ warning }, 'the policies load, and part of them may not do what is meant')
}
