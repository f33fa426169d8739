import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { textAt } from '../../../src/base/json.ts'

export interface SeenWrite {
  readonly method: string
  readonly uri: string
  readonly dryRun: boolean
  /** True where it only takes entries out of `managedFields`: Astern gives up its fields. */
  readonly ownership: boolean
}

/** Stands between Astern and the API server: sees every write, and can act right before one arrives, or be gone. */
export interface KubeProxy {
  readonly url: string
  /** Everything but reads, in order. */
  readonly writes: SeenWrite[]
  /** Runs once, right before the next real write (no dry run) of a Deployment reaches the server. */
  beforeNextWrite(work: () => Promise<void>): void
  /** Changes of workloads that were really asked for. */
  deploymentWrites(): SeenWrite[]
  close(): Promise<void>
}

function takesOwnershipAway(type: string | undefined, body: Buffer): boolean {
  if (type !== 'application/json-patch+json') return false
  const operations: unknown = JSON.parse(body.toString())
  const changes = (Array.isArray(operations) ? operations : []).filter(operation => textAt(operation, 'op') !== 'test')
  return changes.length > 0 && changes.every(change => /^\/metadata\/managedFields\/\d+$/.test(textAt(change, 'path') ?? ''))
}

export async function startKubeProxy(server: string): Promise<KubeProxy> {
  const upstream = new URL(server)
  const client = upstream.protocol === 'https:' ? https : http
  const writes: SeenWrite[] = []
  let before: (() => Promise<void>) | undefined
  const isWrite = (write: SeenWrite): boolean =>
    !write.dryRun && !write.ownership && /\/(deployments|statefulsets|daemonsets|rollouts)\//.test(write.uri)
  const proxy = http.createServer({ keepAliveTimeout: 72_000 }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const uri = request.url ?? '/'
      const body = Buffer.concat(chunks)
      const write: SeenWrite = {
        method: request.method ?? '',
        uri,
        dryRun: uri.includes('dryRun=All'),
        ownership: takesOwnershipAway(request.headers['content-type'], body)
      }
      if (write.method !== 'GET') {
        writes.push(write)
        const work = isWrite(write) ? before : undefined
        if (work !== undefined) before = undefined
        await work?.()
      }
      const forwarded = client.request(
        {
          host: upstream.hostname,
          port: upstream.port,
          method: request.method,
          path: uri,
          headers: { ...request.headers, host: upstream.host },
          rejectUnauthorized: false
        },
        answer => {
          response.writeHead(answer.statusCode ?? 502, answer.headers)
          // The API server sends these at once, and a quiet watch sends nothing else for a minute.
          response.flushHeaders()
          answer.pipe(response)
        }
      )
      forwarded.on('error', () => response.destroy())
      response.on('close', () => forwarded.destroy())
      forwarded.end(body)
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy got no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    writes,
    beforeNextWrite(work) {
      before = work
    },
    deploymentWrites: () => writes.filter(isWrite),
    async close() {
      proxy.close()
      proxy.closeAllConnections()
    }
  }
}
