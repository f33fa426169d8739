import http from 'node:http'
import type { AddressInfo } from 'node:net'

// A Prometheus and a Kubernetes API on loopback, in a process of their own: every target `api-N` was deployed ten minutes
// ago, has answered four requests in ten with an error since, and ran well for a day before. Answers are recorded ones,
// given at once; what is left is what Astern itself costs.

/** Each answer is given after so long; 0 without an argument. */
const delayMs = Number(process.argv[2] ?? '0')
/** Since when the version is bad, epoch milliseconds; ten minutes without an argument. */
const badSince = process.argv[3]
const MINUTE = 60_000
const DAY = 86_400_000
const NAMESPACE = 'shop'
const second = (at: number): string => new Date(Math.floor(at / 1_000) * 1_000).toISOString().replace('.000Z', 'Z')
const started = Date.now()
const BAD_SINCE = badSince === undefined ? started - 10 * MINUTE : Number(badSince)
const GOOD_SINCE = started - DAY

function template(name: string, tag: string, hash?: string): unknown {
  return {
    metadata: { labels: { app: name, ...(hash === undefined ? {} : { 'pod-template-hash': hash }) } },
    spec: {
      containers: [
        {
          name: 'main',
          image: `registry.example.com/shop/api:${tag}`,
          resources: { requests: { cpu: '100m', memory: '128Mi' } },
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          imagePullPolicy: 'IfNotPresent'
        }
      ],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler'
    }
  }
}

function deployment(name: string): unknown {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace: NAMESPACE,
      uid: `uid-${name}`,
      resourceVersion: '1000',
      generation: 2,
      creationTimestamp: second(GOOD_SINCE),
      annotations: { 'deployment.kubernetes.io/revision': '2' }
    },
    spec: { replicas: 3, selector: { matchLabels: { app: name } }, template: template(name, 'v2'), strategy: { type: 'RollingUpdate' } },
    status: {
      observedGeneration: 2,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      conditions: [
        {
          type: 'Progressing',
          status: 'True',
          reason: 'NewReplicaSetAvailable',
          lastUpdateTime: second(BAD_SINCE + 20_000),
          lastTransitionTime: second(BAD_SINCE)
        }
      ]
    }
  }
}

function replicaSet(name: string, revision: number, createdAt: number, replicas: number): unknown {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${revision}`,
      namespace: NAMESPACE,
      uid: `uid-${name}-${revision}`,
      creationTimestamp: second(createdAt),
      annotations: { 'deployment.kubernetes.io/revision': String(revision) },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid: `uid-${name}`, controller: true }]
    },
    spec: { replicas, template: template(name, `v${revision}`, `${revision}`) },
    status: { replicas, readyReplicas: replicas }
  }
}

function pod(name: string, index: number): unknown {
  return {
    metadata: {
      name: `${name}-2-${index}`,
      namespace: NAMESPACE,
      ownerReferences: [{ kind: 'ReplicaSet', name: `${name}-2`, uid: `uid-${name}-2`, controller: true }]
    },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [{ state: { running: {} } }] }
  }
}

interface Call {
  readonly method: string
  readonly url: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

const calls: Call[] = []
let recording = false
/** When the first real write of each target came in, epoch milliseconds. */
const writes = new Map<string, number>()

function answer(method: string, url: URL, body: string): { readonly status: number; readonly body: unknown } {
  const path = url.pathname
  if (path === '/api/v1/query') return { status: 200, body: { status: 'success', data: { resultType: 'vector', result: [number(body)] } } }
  if (path === '/api/v1/query_range')
    return { status: 200, body: { status: 'success', data: { resultType: 'matrix', result: [past(body)] } } }
  if (path === '/api/v1/rules') return { status: 200, body: { status: 'success', data: { groups: [] } } }
  if (path === '/version') return { status: 200, body: { gitVersion: 'v1.36.3' } }
  if (path.endsWith('/events')) return { status: 201, body: {} }
  const app = /^app=(.*)$/.exec(url.searchParams.get('labelSelector') ?? '')?.[1] ?? ''
  if (path.endsWith('/replicasets')) return list([replicaSet(app, 1, GOOD_SINCE, 0), replicaSet(app, 2, BAD_SINCE, 3)])
  if (path.endsWith('/pods')) return list([0, 1, 2].map(index => pod(app, index)))
  const name = /\/deployments\/([^/]+)$/.exec(path)?.[1]
  if (name !== undefined) {
    if (method === 'PATCH' && url.searchParams.get('dryRun') === null && !writes.has(name))
      writes.set(name, performance.timeOrigin + performance.now())
    return { status: 200, body: deployment(name) }
  }
  if (path.endsWith('/deployments')) return list([])
  return { status: 404, body: { kind: 'Status', message: 'not recorded' } }
}

function list(items: readonly unknown[]): { readonly status: number; readonly body: unknown } {
  return { status: 200, body: { metadata: { resourceVersion: '1000' }, items } }
}

/** The error ratio, the traffic, or the age of the newest sample. */
function number(body: string): unknown {
  const query = new URLSearchParams(body).get('query') ?? ''
  return { metric: {}, value: [Date.now() / 1_000, valueAt(query, Date.now())] }
}

/** The same at each step of a range. */
function past(body: string): unknown {
  const form = new URLSearchParams(body)
  const at = (name: string): number => Number(form.get(name))
  const values: unknown[] = []
  for (let time = at('start'); time <= at('end'); time += Number.parseFloat(form.get('step') ?? '60'))
    values.push([time, valueAt(form.get('query') ?? '', time * 1_000)])
  return { metric: {}, values }
}

/** Errors began a minute after the bad version came, and targets named `forged-N` have none. */
function valueAt(query: string, at: number): string {
  if (query.includes('timestamp(')) return '1'
  if (!query.includes('5..')) return '20'
  return at < BAD_SINCE + MINUTE || query.includes('deployment="forged-') ? '0.001' : '0.4'
}

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const url = new URL(request.url ?? '/', 'http://sources')
    const body = Buffer.concat(chunks).toString('utf8')
    const send = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    if (url.pathname === '/bench/writes') return send(200, Object.fromEntries(writes))
    if (url.pathname === '/bench/calls') {
      recording = url.searchParams.get('record') === '1'
      return send(200, calls.splice(0))
    }
    // A watch that stays quiet.
    if (url.searchParams.get('watch') === '1') return void response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    if (recording) calls.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
    const { status, body: value } = answer(request.method ?? '', url, body)
    if (delayMs === 0) send(status, value)
    else setTimeout(() => send(status, value), delayMs)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
