import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { GuardedPod } from '../../src/domain/guarded-pod.ts'
import { NOON } from './workloads.ts'

/** A pod that is a real HTTP server on loopback. */
export interface MetricsPod {
  readonly pod: GuardedPod
  /** How many requests it got. */
  readonly requests: () => number
}

export async function startPod(t: Pick<Test, 'teardown'>, uid: string, answer: RequestListener, ip = '127.10.0.1'): Promise<MetricsPod> {
  let requests = 0
  const server = createServer((request, response) => {
    requests += 1
    answer(request, response)
  })
  server.listen(0, ip)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { pod: podAt(uid, ip, port), requests: () => requests }
}

export function podAt(uid: string, ip: string, port: number, more: Partial<GuardedPod> = {}): GuardedPod {
  return {
    uid,
    name: `api-${uid}`,
    namespace: 'shop',
    version: 'new',
    bornAt: NOON,
    readyFrom: NOON,
    restarts: 0,
    ip,
    annotations: { 'prometheus.io/port': String(port) },
    ports: [],
    probes: [],
    ...more
  }
}
