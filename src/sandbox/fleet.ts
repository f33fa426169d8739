import { once } from 'node:events'
import http from 'node:http'

/** A pod as the fleet sees it: what runs, and whether it takes traffic. */
export interface FleetPod {
  readonly namespace: string
  readonly deployment: string
  readonly name: string
  readonly image: string
  readonly ready: boolean
}

/** How a version behaves. */
export interface Behaviour {
  /** Share of requests that it answers with 500. */
  readonly errorRatio: number
  /** Requests a second that each ready pod gets. */
  readonly requestsPerSecond: number
}

export interface FleetOptions {
  readonly pods: () => Promise<readonly FleetPod[]>
  readonly behaviour: (image: string) => Behaviour
}

export interface Fleet {
  /** `host:port` with `/metrics`. */
  readonly target: string
  close(): Promise<void>
}

const LOOK_EVERY_MS = 250

/**
 * Simulates versions on real pods. It looks which pods the cluster runs, and serves the counters that such versions would have.
 * So what Prometheus sees depends only on the cluster's state.
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const counters = new Map<string, { readonly pod: FleetPod; good: number; bad: number; seen: number }>()
  let present: ReadonlySet<string> = new Set()
  let last = Date.now()
  let looking = false

  async function look(): Promise<void> {
    if (looking) return
    looking = true
    try {
      const pods = await options.pods()
      const now = Date.now()
      const seconds = (now - last) / 1_000
      last = now
      for (const pod of pods) {
        if (!pod.ready) continue
        const key = `${pod.namespace}/${pod.name}`
        const counter = counters.get(key) ?? { pod, good: 0, bad: 0, seen: now }
        const { errorRatio, requestsPerSecond } = options.behaviour(pod.image)
        counter.good += requestsPerSecond * seconds * (1 - errorRatio)
        counter.bad += requestsPerSecond * seconds * errorRatio
        counters.set(key, counter)
      }
      present = new Set(pods.filter(pod => pod.ready).map(pod => `${pod.namespace}/${pod.name}`))
    } catch {
      // While the cluster is away the counters stand still.
    } finally {
      looking = false
    }
  }

  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  const server = http.createServer((_request, response) => {
    const lines = ['# TYPE http_requests_total counter']
    for (const [key, { pod, good, bad }] of counters) {
      if (!present.has(key)) continue
      const labels = `namespace="${pod.namespace}",deployment="${pod.deployment}",pod="${pod.name}"`
      lines.push(`http_requests_total{${labels},status="200"} ${Math.round(good)}`)
      // As with most libraries, a version that never failed has no series of failures.
      if (Math.round(bad) > 0) lines.push(`http_requests_total{${labels},status="500"} ${Math.round(bad)}`)
    }
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(`${lines.join('\n')}\n`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the fleet got no port')
  return {
    target: `127.0.0.1:${address.port}`,
    async close() {
      clearInterval(timer)
      server.close()
      server.closeAllConnections()
      await once(server, 'close').catch(() => {})
    }
  }
}
