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
import { policiesInForce } from '../domain/guard-entries.ts'
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
import { watchdogMatcher } from '../policies/blind.ts'
import { openPolicyStore } from '../policies/store.ts'
import { measureEventLoop } from '../telemetry/event-loop.ts'
import { meterGuards } from '../telemetry/guard-metrics.ts'
import { createLogger, type Lines, type Logger, scrubbing } from '../telemetry/logger.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { openActions } from './actions.ts'
import { startAnswering } from './answering.ts'
import { createChannelTools } from './channel-tools.ts'
import { createCleanups, type OnStop } from './cleanups.ts'
import { createGuarding } from './guarding.ts'
import { startHeart } from './heart.ts'
import { lookScope } from './look-scope.ts'
import { createLookingOut } from './looking-out.ts'
import { createOperations } from './operations.ts'
import { PoliciesError } from './policies-error.ts'
import { policyInForce } from './policy-in-force.ts'
import { createPulse } from './pulse.ts'
import { createRecorder } from './recorder.ts'
import { createRefusals } from './refusals.ts'
import { createReload } from './reload.ts'
import { registerRoutes } from './routes.ts'
import { scrubbedLedger } from './scrubbed-ledger.ts'
import { createSecretFiles } from './secret-files.ts'
import { createSources } from './sources.ts'
import { atMostEvery, every } from './timers.ts'
import { startUpkeep } from './upkeep.ts'
import { VERSION } from './version.ts'
import { VOCABULARY } from './vocabulary.ts'
import { tellWarnings } from './warnings.ts'
import { startWatching } from './watching.ts'

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
  let isWatchdog = watchdogMatcher(store.current().blind.watchdog)
  const recorder = createRecorder(logger, metrics)
  const pulse = createPulse(clock)
  let listening = config.listen
  const channelTools = createChannelTools({ http: outward, kube, clock, origin: config.origin, line: logger.info.bind(logger) }, files.read)
  const channels = createChannels(CHANNELS, channelTools)
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
      turned: () => pulse.turned('guards'),
      meter: meterGuards(metrics.registry, () => ledger.guardsUnderWay())
    },
    owner
  )
  const ports: Ports = {
    ...{ clock, ids, ledger, cluster },
    verifier: () => sources.verifier,
    alertStates: () => sources.alertStates,
    guardEvidence: guarding.evidence,
    actions: openActions(config, { http, secrets, files, facts }),
    tools: { kube, cluster, clock },
    guards: GUARDS,
    policies: {
      match: labels => store.index().match(labels),
      policy: name => policyInForce(store, name),
      storm: () => store.current().storm
    },
    channels,
    fieldOwnership: config.fieldOwnership,
    senders: { confirmed: authenticator.confirmed, authenticated: config.tokensFile !== undefined },
    ceiling: config.mode,
    ownNamespace: config.ownNamespace,
    faults,
    recorder
  }
  const worker = createWorker(ports, { owner, turned: () => pulse.turned('worker') })
  const sender = startSender({
    ledger,
    clock,
    faults,
    channel: channels.channel,
    fallbacks: channels.fallbacks,
    sent: recorder.sent,
    failed: recorder.failed,
    turned: () => pulse.turned('sender')
  })
  onStop('sender', () => sender.stop())
  onStop('worker', () => worker.stop())
  onStop('deploy guards', () => guarding.stop())
  const watching = startWatching({ kube, clusterOffset, clock, ledger, logger, policies: () => policiesInForce(store.current()) })
  onStop('watcher', () => watching.stop())

  const lookout = createLookingOut({
    ...{ clock, ids, ledger, channels, logger, failed: recorder.failed, watches: watching.states },
    settings: () => store.current().blind,
    ceiling: config.mode,
    policies: () => policiesInForce(store.current()),
    sources: () => sources,
    turned: () => pulse.turned('lookout')
  })
  onStop('lookout', () => lookout.stop())
  const heart = startHeart({
    ...{ pulse, ledger, clock, logger, metrics, http: outward, readFile: files.read },
    settings: () => store.current().heartbeat,
    channels: () => [...channels.standing, ...Object.keys(store.current().channels)],
    watches: watching.states
  })
  onStop('heartbeat', () => heart.stop())

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
      isWatchdog = watchdogMatcher(store.current().blind.watchdog)
      await watching.follow()
      await answering.follow()
      heart.follow()
      worker.kick()
    }
  })
  tellWarnings(logger, store.current().warnings)
  await reload.recordStart(config.mode)
  every(RELOAD_EVERY_MS, reload.quietly, onStop, 'policy reload')
  startUpkeep({ config, clock, ledger, recorder, keepHead: opened.keepHead, sources: () => sources, kube, clusterOffset, metrics }, onStop)

  const answering = startAnswering(
    {
      ...{ ledger, clock, tools: channelTools, configured: store.current, metrics, logger, proxy: config.proxy, failed: recorder.failed },
      channels: channels.updated,
      kick: () => [worker, sender].forEach(one => void one.kick())
    },
    onStop
  )
  const operations = createOperations({
    ...{ answering, ports, store, worker, metrics, watching },
    scrub: secrets.scrub,
    reload: reload.now,
    sources: () => sources,
    kube,
    kubeState: kubeGuarded.state,
    sights: lookout.states,
    heart: () => (store.current().heartbeat === undefined ? undefined : heart.state()),
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
        ...{ operations, authenticator, ledger, clock, ids, faults, logger, metrics, kick, slackAnswers: answering.slackAnswers },
        deployGuards: parts.deployGuards ?? guarding.guards,
        watchdog: (labels, source) => isWatchdog(labels, source)
      })
  })
  onStop('http server', () => server.close())
  // Before anything else stops, nobody is told any more that Astern works.
  onStop('heartbeat', () => heart.stop())
  const address = await listen(server, config)
  // Port 0 in the settings is another port now.
  listening = { ...config.listen, port: config.listen.port === 0 ? Number(new URL(address).port) : config.listen.port }
  worker.start()
  guarding.start()
  await answering.follow()
  lookout.start()
  const open = openToWire(config)
  if (open !== undefined) logger.warn({ address, todo: open.todo }, open.told)
  logger.info(
    { address, mode: config.mode, policies: store.current().policies.length, cluster: connection.server, dataDir: config.dataDir },
    'astern is ready'
  )
  return { address, ledger, reload: reload.quietly }
}
