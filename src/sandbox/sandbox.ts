import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { type JsonObject, textAt } from '../base/json.ts'
import { type ApiRequest, handleApi, selected, statusAnswer } from './api.ts'
import { reconcileAll } from './deployment-controller.ts'
import { RESOURCES, type Resource, Store, type StoreEvent } from './store.ts'
import { handleSubresource } from './subresources.ts'

export interface Sandbox {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** The path of a kubeconfig for this server. */
  readonly kubeconfig: string
  /** Every request that changed something, as the real server's audit log has it. Dry runs are left out. */
  readonly writes: () => readonly { readonly method: string; readonly path: string; readonly dryRun: boolean }[]
  close(): Promise<void>
}

/** How often the controller works: a rollout then takes about as long as on a real, quiet control plane. */
const TICK_MS = 100
/** As often as the real server sends bookmarks. */
const BOOKMARK_MS = 60_000
/** A watch that names no end is ended by the real server after half an hour to an hour. */
const LONGEST_WATCH_S = 1_800
const PATHS =
  /^\/(?:api\/v1|apis\/apps\/v1|apis\/events\.k8s\.io\/v1)(?:\/namespaces\/([^/]+))?\/(deployments|replicasets|pods|events)(?:\/([^/]+))?$/

/** An idle connection is kept longer than clients keep it: one that is closed under a request looks like a server that went away. */
const KEPT_MS = 72_000

/**
 * Starts a small Kubernetes API in this process, for the demo and for quick tests. It has to pass the same conformance suite as
 * the real control plane. Where they differ, the sandbox is wrong.
 */
export async function startSandbox(): Promise<Sandbox> {
  const store = new Store()
  const writes: { readonly method: string; readonly path: string; readonly dryRun: boolean }[] = []
  let pods = 0
  const podIp = (): string => {
    pods += 1
    return `127.11.${Math.floor(pods / 250) % 250}.${(pods % 250) + 1}`
  }
  const parts = { store, now: Date.now, uid: randomUUID, podIp }
  store.put('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default', uid: randomUUID() } })
  const ticking = setInterval(() => reconcileAll(parts), TICK_MS)

  const server = http.createServer({ keepAliveTimeout: KEPT_MS }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://sandbox')
      const send = (status: number, body: JsonObject): void => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      }
      if (url.pathname === '/version') return send(200, { major: '1', minor: '36', gitVersion: 'v1.36.0-sandbox' })
      if (url.pathname === '/readyz') return void response.end('ok')
      // The sandbox knows no users, so everyone may do everything.
      if (url.pathname === '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews') return send(201, { status: { allowed: true } })
      const body = Buffer.concat(chunks).toString('utf8')
      const dryRun = url.searchParams.get('dryRun') === 'All'
      if (request.method !== 'GET') writes.push({ method: request.method ?? '', path: url.pathname, dryRun })
      const sub = handleSubresource(parts, { method: request.method ?? 'GET', path: url.pathname, query: url.searchParams, body })
      if (sub !== undefined) return send(sub.status, sub.body)
      const route = routeOf(url)
      if (route === undefined) return send(404, statusAnswer(404, 'NotFound', 'the server could not find the requested resource').body)
      const call: ApiRequest = {
        ...route,
        method: request.method ?? 'GET',
        query: url.searchParams,
        contentType: request.headers['content-type'] ?? '',
        body
      }
      if (call.method === 'GET' && (call.query.get('watch') === '1' || call.query.get('watch') === 'true'))
        return watch(store, call, response)
      const answer = handleApi(parts, call)
      send(answer.status, answer.body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    kubeconfig: kubeconfigFor(url),
    writes: () => writes,
    async close() {
      clearInterval(ticking)
      server.close()
      server.closeAllConnections()
      await once(server, 'close').catch(() => {})
    }
  }
}

function routeOf(url: URL): Pick<ApiRequest, 'resource' | 'namespace' | 'name'> | undefined {
  const namespaces = /^\/api\/v1\/namespaces(?:\/([^/]+))?$/.exec(url.pathname)
  if (namespaces !== null) return { resource: 'namespaces', namespace: undefined, name: namespaces[1] }
  const found = PATHS.exec(url.pathname)
  const resource = (Object.keys(RESOURCES) as Resource[]).find(known => known === found?.[2])
  if (found === null || resource === undefined) return undefined
  return {
    resource,
    namespace: found[1] === undefined ? undefined : decodeURIComponent(found[1]),
    name: found[3] === undefined ? undefined : decodeURIComponent(found[3])
  }
}

function watch(store: Store, call: ApiRequest, response: http.ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.flushHeaders()
  const send = (event: StoreEvent): void => {
    const namespace = textAt(event.object, 'metadata', 'namespace')
    if (event.resource !== call.resource || (call.namespace !== undefined && namespace !== call.namespace) || !selected(call, event.object))
      return
    response.write(`${JSON.stringify({ type: event.type, object: event.object })}\n`)
  }
  const from = Number(call.query.get('resourceVersion') ?? store.version)
  const missed = store.since(from)
  if (missed === undefined)
    return void response.end(
      `${JSON.stringify({ type: 'ERROR', object: statusAnswer(410, 'Expired', `too old resource version: ${from}`).body })}\n`
    )
  for (const event of missed) send(event)
  const unsubscribe = store.subscribe(send)
  const bookmark = (): void => {
    const { kind, apiVersion } = RESOURCES[call.resource]
    if (call.query.get('allowWatchBookmarks') === 'true')
      response.write(
        `${JSON.stringify({ type: 'BOOKMARK', object: { kind, apiVersion, metadata: { resourceVersion: String(store.version) } } })}\n`
      )
  }
  const ticking = setInterval(bookmark, BOOKMARK_MS)
  // The real server sends a bookmark right before it ends a watch, too.
  const lasts = Number(call.query.get('timeoutSeconds') ?? LONGEST_WATCH_S)
  const ending = setTimeout(() => {
    bookmark()
    response.end()
  }, lasts * 1_000)
  response.on('close', () => {
    unsubscribe()
    clearInterval(ticking)
    clearTimeout(ending)
  })
}

function kubeconfigFor(url: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'sandbox',
    // The Kubernetes client speaks plain HTTP only where TLS checks are said to be off.
    clusters: [{ name: 'sandbox', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'sandbox', user: {} }],
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user: 'sandbox' } }]
  })
}
