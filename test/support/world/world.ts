import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type App, startApp } from '../../../src/app/app.ts'
import { isObject, type JsonObject, listAt, textAt } from '../../../src/base/json.ts'
import { readConfig, type ServeFlags } from '../../../src/config.ts'
import { collectionPath, type ObjectRef, type TargetKind } from '../../../src/domain/objects.ts'
import { startFleet } from '../../../src/sandbox/fleet.ts'
import { type AlertmanagerOptions, type RunningServer, startAlertmanager, startPrometheus } from '../../../src/sandbox/monitoring.ts'
import { freePort, type RunningProcess, startProcess, untilReady } from '../../../src/sandbox/processes.ts'
import { ALERTMANAGER, obtainPart, type PartCommand, PROMETHEUS } from '../../../src/sandbox/real-parts.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'
import { type AddressedPod, POD_PORT, startPodFleet } from '../cluster/pod-fleet.ts'
import { deploymentOf, ok, openClients, setImage, type TestClients, untilWorkload } from '../conformance/clients.ts'
import { HANG_MS } from '../hang.ts'
import { type KubeProxy, startKubeProxy } from './kube-proxy.ts'
import { type Person, startInbox } from './people.ts'
import { startSlowProxy } from './slow-proxy.ts'
import { rules } from './story-policy.ts'

/** A cluster that stories are played on. */
export interface Site {
  readonly kubeconfig: string
  /** Where pods have addresses that can be listened on; absent: nowhere. */
  readonly podCidr?: string
  /** Astern's own credentials, instead of the site's. */
  readonly token?: string
  /** Current releases, with pods found by the Kubernetes API; absent: Debian's, told where to scrape. */
  readonly current?: { readonly prometheus: PartCommand; readonly alertmanager: PartCommand }
}

/** A real Prometheus, a real Alertmanager, simulated versions on real pods, and people who get messages. */
export interface World {
  readonly namespace: string
  readonly target: ObjectRef
  readonly clients: TestClients
  readonly proxy: KubeProxy
  readonly prometheus: RunningServer
  readonly alertmanager: RunningServer
  /** All of them, where there are several. */
  readonly alertmanagers: readonly RunningServer[]
  readonly people: readonly Person[]
  /** Versions fail as their tag says (`app:v2-err40`), or as is said here. */
  readonly errors: Map<string, number>
  deploy(image: string): Promise<void>
  image(image: string): Promise<void>
  /** Starts Astern in this process. */
  astern(): Promise<App>
  /** Starts Astern in a process of its own, which kills itself at the fault point. */
  asternProcess(fault?: string): Promise<RunningProcess>
  api(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: JsonObject }>
  untilRun(wished: (run: JsonObject) => boolean, what: string, withinMs?: number): Promise<JsonObject>
  readonly dataDir: string
  /** The token of an operator, for the command line. */
  readonly operatorTokenFile: string
  /** What `serve` is started with. */
  readonly flags: ServeFlags
}

export interface WorldOptions {
  readonly policies: readonly JsonObject[]
  /** Entries of `guards:`. */
  readonly guards?: readonly JsonObject[]
  readonly defaults?: JsonObject
  /** Who may answer in the channels. */
  readonly people?: readonly JsonObject[]
  readonly mode?: 'auto' | 'dry-run'
  readonly groups?: readonly unknown[]
  /** Two Alertmanagers in a cluster that both deliver, instead of one. */
  readonly peers?: boolean
  /** Which alerts the Alertmanager posts together, and how long it waits for them. */
  readonly group?: AlertmanagerOptions['group']
  /** What is deployed; default a Deployment of two replicas. */
  readonly workload?: {
    readonly kind?: TargetKind
    readonly replicas?: number
    readonly spec?: JsonObject
    readonly metadata?: JsonObject
    readonly annotations?: Readonly<Record<string, string>>
    readonly podSpec?: JsonObject
    readonly progressDeadlineSeconds?: number
  }
  /** How much more than usual all pods together get; they share it. */
  readonly load?: () => number
  /** What an exporter beside the pods says, such as kube-state-metrics or a database’s. */
  readonly metrics?: () => Promise<string> | string
  /** What pods answer besides their metrics, where they have addresses. */
  readonly answer?: Parameters<typeof startPodFleet>[0]['answer']
  /** Astern's own credentials, instead of the site's, which may do everything. */
  readonly token?: string
  /** Channels besides `people`, by the Alertmanager's URL. */
  readonly channels?: (alertmanager: string) => Readonly<Record<string, object>>
}

export async function openWorld(t: Test, site: Site, namespace: string, options: WorldOptions): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'astern-story-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const clients = await openClients(site.kubeconfig)
  t.teardown(() => clients.close())
  const target: ObjectRef = { kind: options.workload?.kind ?? 'Deployment', namespace, name: 'api' }
  const made = await clients.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  if (made.kind === 'unreachable') throw new Error(made.detail)
  const proxy = await startKubeProxy(serverOf(site.kubeconfig))
  t.teardown(() => proxy.close())
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, throughProxy(site.kubeconfig, proxy.url, options.token ?? site.token), { mode: 0o600 })

  const errors = new Map<string, number>()
  let serving = 2
  const share = (): number => ((options.load?.() ?? 1) * 40) / Math.max(1, serving)
  const pods = async (): Promise<readonly AddressedPod[]> => {
    const listed = await listPods(clients, namespace)
    serving = listed.filter(pod => pod.ready).length
    return listed
  }
  const behaviour = (image: string) => ({
    requestsPerSecond: options.load === undefined ? 20 : share(),
    errorRatio: errors.get(image) ?? Number(/-err(\d+)$/.exec(image)?.[1] ?? 0) / 100
  })
  const fleet =
    site.podCidr !== undefined
      ? await startPodFleet({
          pods,
          behaviour,
          ...(options.answer === undefined ? {} : { answer: options.answer })
        })
      : await startFleet({ pods, behaviour })
  t.teardown(() => fleet.close())
  const people: Person[] = []
  const inbox = await startInbox(people)
  t.teardown(() => inbox.close())

  const variables = { variables: process.env }
  const port = await freePort()
  const token = randomBytes(16).toString('hex')
  const files = {
    token: join(folder, 'token'),
    operator: join(folder, 'operator-token'),
    tokens: join(folder, 'tokens.yaml'),
    policies: join(folder, 'policies.yaml'),
    data: join(folder, 'data')
  }
  mkdirSync(files.data)
  writeFileSync(files.token, token)
  writeFileSync(files.operator, `operator-${token}`)
  const line = (name: string, role: string, secret: string) => ({ name, role, sha256: createHash('sha256').update(secret).digest('hex') })
  writeFileSync(
    files.tokens,
    JSON.stringify({ tokens: [line('alertmanager', 'webhook', token), line('operator', 'operator', `operator-${token}`)] })
  )
  const program = site.current?.alertmanager ?? (await obtainPart(ALERTMANAGER, variables))
  // Slower than the peers wait for each other (1 s): the second delivers before it hears that the first has.
  const slow = options.peers === true ? await startSlowProxy(`http://127.0.0.1:${port}`, 3_000) : undefined
  t.teardown(() => slow?.close())
  const common = {
    program,
    webhook: `${slow?.url ?? `http://127.0.0.1:${port}`}/webhooks/alertmanager`,
    tokenFile: files.token,
    ...(options.group === undefined ? {} : { group: options.group })
  }
  const gossip = options.peers === true ? `127.0.0.1:${await freePort()}` : undefined
  const alertmanager = await startAlertmanager({
    ...common,
    folder: join(folder, 'alertmanager'),
    ...(gossip === undefined ? {} : { cluster: { listen: gossip } })
  })
  t.teardown(() => alertmanager.stop())
  const alertmanagers = [alertmanager]
  if (gossip !== undefined) {
    const second = await startAlertmanager({
      ...common,
      folder: join(folder, 'alertmanager-2'),
      cluster: { listen: `127.0.0.1:${await freePort()}`, peer: gossip }
    })
    t.teardown(() => second.stop())
    alertmanagers.push(second)
  }
  const prometheus = await startPrometheus({
    program: site.current?.prometheus ?? (await obtainPart(PROMETHEUS, variables)),
    folder: join(folder, 'prometheus'),
    targets: ['target' in fleet ? fleet.target : undefined, await startExporter(t, options.metrics)].filter(one => one !== undefined),
    ...(site.current === undefined
      ? { discovery: 'discovery' in fleet ? [fleet.discovery] : [] }
      : { kubernetes: { kubeconfig: site.kubeconfig, namespace, port: POD_PORT } }),
    groups: options.groups ?? rules(namespace),
    alertmanagers: alertmanagers.map(({ url }) => new URL(url).host)
  })
  t.teardown(() => prometheus.stop())
  writeFileSync(
    files.policies,
    JSON.stringify({
      version: 1,
      sources: { prometheus: { url: prometheus.url, timeout: '3s' } },
      channels: { people: { webhook: { url: inbox.url } }, ...options.channels?.(alertmanager.url) },
      ...(options.people === undefined ? {} : { people: options.people }),
      ...(options.defaults === undefined ? {} : { defaults: options.defaults }),
      policies: options.policies,
      ...(options.guards === undefined ? {} : { guards: options.guards })
    })
  )
  const flags = {
    policies: files.policies,
    listen: `127.0.0.1:${port}`,
    mode: options.mode ?? 'auto',
    dataDir: files.data,
    kubeconfig,
    tokens: files.tokens,
    logLevel: process.env['ASTERN_TEST_LOG'] ?? 'silent',
    // Pods of the control plane, and somebody outside, have addresses of loopback.
    ...(site.podCidr === undefined ? {} : { podCidr: [site.podCidr, '127.77.0.0/16'] })
  }
  const base = `http://127.0.0.1:${port}`

  const world: World = {
    namespace,
    target,
    clients,
    proxy,
    prometheus,
    alertmanager,
    alertmanagers,
    people,
    errors,
    dataDir: files.data,
    operatorTokenFile: files.operator,
    flags,
    async deploy(image) {
      ok(
        await clients.kube.post(
          `${collectionPath(target.kind, namespace)}?fieldManager=pipeline`,
          deploymentOf('api', image, options.workload)
        )
      )
      await untilWorkload(
        clients.cluster,
        target,
        workload => workload.rollout.state === 'complete' && workload.rollout.available,
        `${image} rolled out`
      )
    },
    image: image => setImage(clients.kube, target, image),
    async astern() {
      const app = await startApp(readConfig(flags, {}), {
        logger: createLogger(process.env['ASTERN_TEST_LOG'] === 'info' ? 'info' : 'silent', 'json', process.stderr)
      })
      t.teardown(() => app.stop())
      return app
    },
    async asternProcess(fault) {
      const one = startProcess([process.execPath], [join(import.meta.dirname, 'faulty-astern.ts'), JSON.stringify(flags), fault ?? ''])
      t.teardown(() => one.stop())
      await untilReady(`${base}/readyz`, one, 'Astern', HANG_MS)
      return one
    },
    async api(method, path, body) {
      const response = await fetch(base + path, {
        method,
        headers: { authorization: `Bearer operator-${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      const parsed: unknown = await response.json()
      return { status: response.status, body: isObject(parsed) ? parsed : {} }
    },
    async untilRun(wished, what, withinMs = HANG_MS) {
      let last: unknown
      let found: JsonObject | undefined
      await waitUntil(
        async () => {
          const { body } = await world.api('GET', '/api/v1/runs?kind=live')
          last = body
          found = listAt(body, 'items').filter(isObject).find(wished)
          return found !== undefined
        },
        () => `${what}; runs: ${JSON.stringify(last)}`,
        withinMs
      )
      return found ?? {}
    }
  }
  return world
}

/** Over for good. An alert that flaps ends a run as `resolved` for a while only: it is taken up again when the alert is back. */
export function ended(run: Readonly<Record<string, unknown>>): boolean {
  return run['state'] === 'ended' && run['outcome'] !== 'resolved'
}

/**
 * Looks until something is so; the world outside tells no events.
 * @param withinMs ends a test that hangs
 */
export async function waitUntil(
  condition: () => Promise<boolean> | boolean,
  what: string | (() => string),
  withinMs = HANG_MS
): Promise<void> {
  const until = Date.now() + withinMs
  for (;;) {
    if (await Promise.resolve(condition()).catch(() => false)) return
    if (Date.now() > until) throw new Error(`within ${withinMs / 1_000} s this did not happen: ${typeof what === 'string' ? what : what()}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

async function listPods(clients: TestClients, namespace: string): Promise<readonly AddressedPod[]> {
  return listAt(ok(await clients.kube.get(`/api/v1/namespaces/${namespace}/pods`)), 'items').map(pod => ({
    namespace,
    deployment: textAt(pod, 'metadata', 'labels', 'app') ?? '',
    name: textAt(pod, 'metadata', 'name') ?? '',
    image: textAt(pod, 'spec', 'containers', 0, 'image') ?? '',
    ip: textAt(pod, 'status', 'podIP') ?? '',
    ready: listAt(pod, 'status', 'conditions').some(
      condition => textAt(condition, 'type') === 'Ready' && textAt(condition, 'status') === 'True'
    )
  }))
}

async function startExporter(t: Test, metrics: WorldOptions['metrics']): Promise<string | undefined> {
  if (metrics === undefined) return undefined
  const server = http.createServer(async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(await metrics())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the exporter got no port')
  return `127.0.0.1:${address.port}`
}

interface Kubeconfig {
  readonly users: readonly { readonly name: string }[]
  readonly clusters: readonly { readonly name: string; readonly cluster: { readonly server: string } }[]
}

function serverOf(kubeconfig: string): string {
  const parsed = JSON.parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig
  return parsed.clusters[0]?.cluster.server ?? ''
}

function throughProxy(kubeconfig: string, url: string, token: string | undefined): string {
  const parsed = JSON.parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig
  return JSON.stringify({
    ...parsed,
    ...(token === undefined ? {} : { users: parsed.users.map(({ name }) => ({ name, user: { token } })) }),
    clusters: parsed.clusters.map(({ name }) => ({ name, cluster: { server: url, 'insecure-skip-tls-verify': true } }))
  })
}
