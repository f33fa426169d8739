import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'

export interface SeenWrite {
  readonly method: string
  readonly uri: string
  readonly dryRun: boolean
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

export async function startKubeProxy(server: string): Promise<KubeProxy> {
  const upstream = new URL(server)
  const client = upstream.protocol === 'https:' ? https : http
  const writes: SeenWrite[] = []
  let before: (() => Promise<void>) | undefined
  const isWrite = (write: SeenWrite): boolean => !write.dryRun && /\/(deployments|statefulsets|daemonsets|rollouts)\//.test(write.uri)
  const proxy = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const uri = request.url ?? '/'
      const write: SeenWrite = { method: request.method ?? '', uri, dryRun: uri.includes('dryRun=All') }
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
          answer.pipe(response)
        }
      )
      forwarded.on('error', () => response.destroy())
      response.on('close', () => forwarded.destroy())
      forwarded.end(Buffer.concat(chunks))
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
