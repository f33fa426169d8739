import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { parseDuration } from './base/duration.ts'
import { baseUrlFault } from './base/redacted-url.ts'
import { FIELD_OWNERSHIPS, type FieldOwnership } from './domain/field-ownership.ts'
import type { Mode } from './domain/outcomes.ts'
import { cidrFault } from './outgoing/addresses.ts'
import type { ProxySettings } from './outgoing/http-client.ts'
import { LOG_LEVELS, type LogLevel } from './telemetry/logger.ts'

/** A setting that cannot be used: exit code 2, and one sentence that says what to do. */
export class ConfigError extends Error {}

/** Flags of `serve`, as they were typed. Each has a twin in the environment; the flag wins. */
export interface ServeFlags {
  readonly policies?: string
  readonly listen?: string
  readonly mode?: string
  readonly dataDir?: string
  readonly kubeconfig?: string
  readonly context?: string
  readonly tokens?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly logLevel?: string
  readonly keepDeliveries?: string
  readonly keep?: string
  readonly argocdNamespace?: string
  readonly fluxNamespaces?: string
  readonly fieldOwnership?: string
  readonly helm?: string
  readonly stopWithin?: string
  readonly podCidr?: readonly string[]
  readonly ownHost?: readonly string[]
  readonly allowHost?: readonly string[]
  readonly externalUrl?: string
  readonly clusterName?: string
}

export interface Config {
  readonly policies: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly mode: Mode
  readonly dataDir: string
  readonly kubeconfig?: string
  readonly context?: string
  /** Where a pod finds its API server and its service account. */
  readonly inCluster?: { readonly server: string; readonly folder: string }
  readonly ownNamespace?: string
  readonly tokensFile?: string
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly logLevel: LogLevel
  /** Overrides `sources.prometheus.url` of the policy file. */
  readonly prometheusUrl?: string
  /** How long raw deliveries are kept, milliseconds (rules 8). */
  readonly keepDeliveriesMs: number
  /** How long incidents, runs and the audit log are kept, milliseconds (rules 8). */
  readonly keepMs: number
  /** Where Argo CD's Applications are; set, an object's instance label is followed up too. */
  readonly argocdNamespace?: string
  /** Where Flux' Kustomizations and HelmReleases are, besides the namespaces of policies. */
  readonly fluxNamespaces: readonly string[]
  readonly fieldOwnership: FieldOwnership
  /** How long work that is under way may take at the end, milliseconds. A helm that writes may need minutes. */
  readonly stopWithinMs: number
  /** Where pods live, as CIDRs. Given, calls to pods go nowhere else. */
  readonly podCidrs: readonly string[]
  /** Host names that lead to Astern itself besides its own addresses, such as its Service. */
  readonly ownHosts: readonly string[]
  /** What may stand in a caller's `Host` besides loopback names, where there are no tokens: of a forwarded port, or of a proxy. */
  readonly allowHosts: readonly string[]
  /** What stands in messages: the cluster’s name, and where people reach Astern. */
  readonly origin: { readonly clusterName?: string; readonly externalUrl?: string }
  /** The proxy by which people are told, as the usual variables name it. */
  readonly proxy: ProxySettings
  readonly helm: {
    readonly program: string
    /** The environment variables that helm gets. */
    readonly environment: Readonly<Record<string, string>>
  }
}

type Environment = Readonly<Record<string, string | undefined>>

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const CEILINGS: readonly Mode[] = ['off', 'dry-run', 'auto']
/** The ledger must reach back further than budgets, cooldowns and the memory of versions that were undone, which are read from it. */
const KEPT_AT_LEAST_MS = 2 * 86_400_000

/** The only reader of the environment. @throws ConfigError */
export function readConfig(flags: ServeFlags, environment: Environment = process.env): Config {
  const read = (flag: string | undefined, name: string): string | undefined =>
    flag ?? (environment[name] === '' ? undefined : environment[name])
  if (environment['ASTERN_DATABASE_URL'] !== undefined || environment['ASTERN_DATABASE_URL_FILE'] !== undefined) {
    throw new ConfigError('ASTERN_DATABASE_URL: PostgreSQL is not built yet; unset it, and the SQLite ledger in --data-dir is used')
  }
  const mode = read(flags.mode, 'ASTERN_MODE') ?? 'dry-run'
  const ceiling = CEILINGS.find(known => known === mode)
  if (ceiling === undefined) throw new ConfigError(`--mode ${mode}: must be one of ${CEILINGS.join(', ')}`)
  const level = read(flags.logLevel, 'ASTERN_LOG_LEVEL') ?? 'info'
  const logLevel = LOG_LEVELS.find(known => known === level)
  if (logLevel === undefined) throw new ConfigError(`--log-level ${level}: must be one of ${LOG_LEVELS.join(', ')}`)
  const kubeconfig = read(flags.kubeconfig, 'KUBECONFIG')
  const context = read(flags.context, 'ASTERN_CONTEXT')
  const tokensFile = read(flags.tokens, 'ASTERN_TOKENS_FILE')
  const cert = read(flags.tlsCert, 'ASTERN_TLS_CERT_FILE')
  const key = read(flags.tlsKey, 'ASTERN_TLS_KEY_FILE')
  if ((cert === undefined) !== (key === undefined)) throw new ConfigError('--tls-cert and --tls-key go together')
  const prometheusUrl = read(undefined, 'ASTERN_PROMETHEUS_URL')
  if (prometheusUrl !== undefined) checkUrl(prometheusUrl, 'ASTERN_PROMETHEUS_URL')
  const ownNamespace = read(undefined, 'ASTERN_NAMESPACE') ?? readIfThere(`${SERVICE_ACCOUNT}/namespace`)
  const inCluster = readInCluster(environment)
  const argocdNamespace = read(flags.argocdNamespace, 'ASTERN_ARGOCD_NAMESPACE')
  if (argocdNamespace !== undefined) namespaceList(argocdNamespace, '--argocd-namespace')
  const ownership = read(flags.fieldOwnership, 'ASTERN_FIELD_OWNERSHIP') ?? 'give-up'
  const fieldOwnership = FIELD_OWNERSHIPS.find(known => known === ownership)
  if (fieldOwnership === undefined) throw new ConfigError(`--field-ownership ${ownership}: must be one of ${FIELD_OWNERSHIPS.join(', ')}`)
  const config: Config = {
    policies: read(flags.policies, 'ASTERN_POLICIES') ?? 'policies.yaml',
    listen: parseListen(read(flags.listen, 'ASTERN_LISTEN') ?? '127.0.0.1:8080'),
    mode: ceiling,
    dataDir: read(flags.dataDir, 'ASTERN_DATA_DIR') ?? 'data',
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    ...(inCluster === undefined ? {} : { inCluster }),
    ...(ownNamespace === undefined ? {} : { ownNamespace }),
    ...(tokensFile === undefined ? {} : { tokensFile }),
    ...(cert === undefined || key === undefined ? {} : { tls: { cert, key } }),
    logLevel,
    ...(prometheusUrl === undefined ? {} : { prometheusUrl }),
    keepDeliveriesMs: keep(read(flags.keepDeliveries, 'ASTERN_KEEP_DELIVERIES') ?? '7d', '--keep-deliveries'),
    keepMs: keep(read(flags.keep, 'ASTERN_KEEP') ?? '400d', '--keep'),
    ...(argocdNamespace === undefined ? {} : { argocdNamespace }),
    fluxNamespaces: namespaceList(read(flags.fluxNamespaces, 'ASTERN_FLUX_NAMESPACES') ?? '', '--flux-namespaces'),
    fieldOwnership,
    stopWithinMs: stopWithin(read(flags.stopWithin, 'ASTERN_STOP_WITHIN') ?? '20s'),
    podCidrs: podCidrs(flags.podCidr ?? listed(environment['ASTERN_POD_CIDRS'])),
    ownHosts: flags.ownHost ?? listed(environment['ASTERN_OWN_HOSTS']),
    allowHosts: allowHosts(flags.allowHost ?? listed(environment['ASTERN_ALLOW_HOSTS'])),
    origin: originOf(read(flags.clusterName, 'ASTERN_CLUSTER_NAME'), read(flags.externalUrl, 'ASTERN_EXTERNAL_URL')),
    proxy: proxyOf(environment),
    helm: { program: read(flags.helm, 'ASTERN_HELM') ?? 'helm', environment: forHelm(environment) }
  }
  closedByDefault(config)
  return config
}

/** The URL is not told: what is no URL, or has a user in it, may be a secret. @throws ConfigError */
function checkUrl(url: string, setting: string): void {
  const fault = baseUrlFault(url)
  if (fault !== undefined) throw new ConfigError(`${setting} ${fault}`)
}

function originOf(clusterName: string | undefined, externalUrl: string | undefined): Config['origin'] {
  if (externalUrl !== undefined) checkUrl(externalUrl, '--external-url')
  if (clusterName !== undefined && !/^[\w.:-]{1,100}$/.test(clusterName))
    throw new ConfigError(`--cluster-name ${clusterName}: must be at most 100 letters, digits, and . : _ -`)
  return { ...(clusterName === undefined ? {} : { clusterName }), ...(externalUrl === undefined ? {} : { externalUrl }) }
}

/** As curl reads them: in small letters, or in capitals. The URL of a proxy is not told, because it may hold a password. */
function proxyOf(environment: Environment): ProxySettings {
  const read = (name: string): string | undefined => environment[name.toLowerCase()] || environment[name] || undefined
  const [httpsProxy, httpProxy, noProxy] = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'].map(read)
  for (const [name, url] of Object.entries({ HTTPS_PROXY: httpsProxy, HTTP_PROXY: httpProxy }))
    if (url !== undefined && !/^https?:\/\//i.test(url)) throw new ConfigError(`${name} must begin with http:// or https://`)
  return {
    ...(httpsProxy === undefined ? {} : { HTTPS_PROXY: httpsProxy }),
    ...(httpProxy === undefined ? {} : { HTTP_PROXY: httpProxy }),
    ...(noProxy === undefined ? {} : { NO_PROXY: noProxy })
  }
}

/** The entries of a variable that holds several, with commas between them. */
function listed(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '')
}

function podCidrs(cidrs: readonly string[]): readonly string[] {
  for (const cidr of cidrs) {
    const fault = cidrFault(cidr)
    if (fault !== undefined) throw new ConfigError(`--pod-cidr: ${fault}`)
  }
  return cidrs
}

/** Reads names of namespaces, with commas between them. A glob is refused: what is read there must be told one by one. */
function namespaceList(text: string, flag: string): readonly string[] {
  const names = listed(text)
  const wrong = names.find(name => !NAMESPACE.test(name))
  if (wrong !== undefined) throw new ConfigError(`${flag} ${text}: ${JSON.stringify(wrong)} is no name of a namespace`)
  return names
}

function allowHosts(hosts: readonly string[]): readonly string[] {
  for (const host of hosts)
    if (!/^(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?$/.test(host))
      throw new ConfigError(`--allow-host ${host}: must be HOST or HOST:PORT as it stands in a request, such as localhost:9090`)
  return hosts
}

function stopWithin(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 1_000) throw new ConfigError(`--stop-within ${text}: must be a duration of at least 1s, such as 20s`)
  return ms
}

function keep(text: string, flag: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new ConfigError(`${flag} ${text}: must be a duration, such as 400d`)
  if (ms < KEPT_AT_LEAST_MS) throw new ConfigError(`${flag} ${text}: must be at least 2d, which decisions look back`)
  return ms
}

/** Without authentication: loopback only, and at most dry-run (promise 13). */
function closedByDefault(config: Config): void {
  if (config.tokensFile !== undefined) return
  if (!isLoopback(config.listen.host))
    throw new ConfigError(
      `--listen ${config.listen.host} without --tokens would let everyone on the network in: make a tokens file with \`astern token create\`, or listen on 127.0.0.1`
    )
  if (config.mode === 'auto')
    throw new ConfigError(
      '--mode auto without --tokens would let every local user write to the cluster: make a tokens file with `astern token create`, or stay at dry-run'
    )
}

/** What is to be said of tokens that cross a network in the clear, where these settings let them. */
export function openToWire(config: Config): { readonly told: string; readonly todo: string } | undefined {
  if (config.tokensFile === undefined || config.tls !== undefined || isLoopback(config.listen.host)) return undefined
  return {
    told: 'tokens come over plain HTTP: whoever is on the way can read and use them',
    todo: 'give --tls-cert and --tls-key, or let only a proxy with TLS reach this port'
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text)
  const port = Number(found?.[3])
  if (found === null || port > 65_535) throw new ConfigError(`--listen ${text}: must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080`)
  return { host: found[1] ?? (found[2] === '' || found[2] === undefined ? '0.0.0.0' : found[2]), port }
}

/** The kubelet gives every pod these two variables and this folder. */
function readInCluster(environment: Environment): Config['inCluster'] {
  const host = environment['KUBERNETES_SERVICE_HOST']
  if (host === undefined || !existsSync(`${SERVICE_ACCOUNT}/token`)) return undefined
  const port = environment['KUBERNETES_SERVICE_PORT_HTTPS'] ?? environment['KUBERNETES_SERVICE_PORT'] ?? '443'
  return { server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, folder: SERVICE_ACCOUNT }
}

function readIfThere(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

/**
 * As Astern itself: a pod's API server, what credential plugins of a kubeconfig read, `HELM_DRIVER`, which must be the
 * deployer's. Astern's own settings are not helm's.
 */
function forHelm(environment: Environment): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('ASTERN_'))
  )
}

/** Where the command line finds its server and its token. */
export function readClientSettings(
  flags: { readonly server?: string; readonly tokenFile?: string },
  environment: Environment = process.env
): { readonly server: string; readonly token?: string } {
  const server = flags.server ?? environment['ASTERN_SERVER'] ?? 'http://127.0.0.1:8080'
  checkUrl(server, '--server')
  const file = flags.tokenFile ?? environment['ASTERN_TOKEN_FILE']
  if (file === undefined) return { server }
  if (!existsSync(file)) throw new ConfigError(`there is no token file ${file}`)
  return { server, token: readFileSync(file, 'utf8').trim() }
}

/** What the search for real parts (Prometheus, Alertmanager) looks at. */
export function realPartsEnvironment(environment: Environment = process.env): { readonly variables: Environment } {
  return { variables: environment }
}

/** What tells `astern guard` in which job of which CI system it runs. */
export function ciEnvironment(environment: Environment = process.env): { readonly variables: Environment } {
  return { variables: environment }
}
