import { once } from 'node:events'
import http from 'node:http'
import type { Behaviour, FleetPod } from '../../../src/sandbox/fleet.ts'

export interface AddressedPod extends FleetPod {
  readonly ip: string
}

export interface PodFleet {
  /** Where Prometheus finds the pods (`http_sd_configs`). */
  readonly discovery: string
  close(): Promise<void>
}

/** Where every pod serves its metrics. */
export const POD_PORT = 8080
const LOOK_EVERY_MS = 250

interface ServedPod {
  readonly server: http.Server
  ready: boolean
  good: number
  bad: number
}

/** Is every pod: listens on each pod's own loopback address, and answers `/metrics` and `/healthz` as its version would. */
export async function startPodFleet(options: {
  readonly pods: () => Promise<readonly AddressedPod[]>
  readonly behaviour: (image: string) => Behaviour
  /** What a pod answers besides; undefined: nothing, 404. */
  readonly answer?: (
    pod: AddressedPod,
    method: string,
    path: string,
    body: string
  ) => { readonly status: number; readonly body: unknown } | undefined
}): Promise<PodFleet> {
  const served = new Map<string, ServedPod>()
  let last = Date.now()
  let looking = false

  async function look(): Promise<void> {
    if (looking) return
    looking = true
    try {
      const pods = (await options.pods()).filter(pod => pod.ip !== '')
      const now = Date.now()
      const seconds = (now - last) / 1_000
      last = now
      const present = new Set(pods.map(pod => pod.ip))
      for (const [ip, pod] of served) {
        if (present.has(ip)) continue
        served.delete(ip)
        pod.server.close()
        pod.server.closeAllConnections()
      }
      for (const pod of pods) {
        const known = served.get(pod.ip) ?? (await serve(pod))
        served.set(pod.ip, known)
        known.ready = pod.ready
        if (!pod.ready) continue
        const { errorRatio, requestsPerSecond } = options.behaviour(pod.image)
        known.good += requestsPerSecond * seconds * (1 - errorRatio)
        known.bad += requestsPerSecond * seconds * errorRatio
      }
    } catch {
      // The cluster is away: the pods go on as they are.
    } finally {
      looking = false
    }
  }

  async function serve(pod: AddressedPod): Promise<ServedPod> {
    const server = http.createServer((request, response) => {
      if (request.url === '/healthz') return void response.writeHead(state.ready ? 200 : 503).end()
      if (request.url !== '/metrics') {
        const chunks: Buffer[] = []
        request.on('data', (chunk: Buffer) => chunks.push(chunk))
        request.on('end', () => {
          const said = options.answer?.(pod, request.method ?? '', request.url ?? '', Buffer.concat(chunks).toString())
          response.writeHead(said?.status ?? 404, { 'content-type': 'application/json' }).end(JSON.stringify(said?.body ?? {}))
        })
        return
      }
      const labels = `namespace="${pod.namespace}",deployment="${pod.deployment}",pod="${pod.name}"`
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
      const good = `http_requests_total{${labels},status="200"} ${Math.round(state.good)}\n`
      // As with most libraries, a pod that never failed has no series of failures.
      const bad = Math.round(state.bad) > 0 ? `http_requests_total{${labels},status="500"} ${Math.round(state.bad)}\n` : ''
      response.end(`# TYPE http_requests_total counter\n${good}${bad}`)
    })
    const state: ServedPod = { server, ready: pod.ready, good: 0, bad: 0 }
    server.listen(POD_PORT, pod.ip)
    await once(server, 'listening')
    return state
  }

  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  const directory = http.createServer((_request, response) => {
    const targets = [...served].filter(([, pod]) => pod.ready).map(([ip]) => `${ip}:${POD_PORT}`)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify([{ targets }]))
  })
  directory.listen(0, '127.0.0.1')
  await once(directory, 'listening')
  const address = directory.address()
  if (address === null || typeof address === 'string') throw new Error('the directory got no port')
  return {
    discovery: `http://127.0.0.1:${address.port}/targets`,
    async close() {
      clearInterval(timer)
      for (const { server } of [...served.values(), { server: directory }]) {
        server.close()
        server.closeAllConnections()
      }
    }
  }
}
