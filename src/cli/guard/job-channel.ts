import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { textAt } from '../../base/json.ts'

/** A channel to whoever reads the job’s log: without a server nobody else could be told. */
export interface JobChannel {
  /** Where messages are posted, on loopback. Its path is a secret. */
  readonly url: string
  close(): void
}

/** A message takes a few thousand bytes. */
const LONGEST = 256 * 1024

/** Opens it. @param tell gets the title of each message, and its first line */
export async function openJobChannel(tell: (text: string) => void): Promise<JobChannel> {
  const path = `/${randomBytes(16).toString('hex')}`
  const server = createServer((request, response) => {
    if (request.method !== 'POST' || request.url !== path) return void response.writeHead(404).end()
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (text: string) => {
      body += text
      if (body.length > LONGEST) request.destroy()
    })
    request.on('end', () => {
      response.writeHead(204).end()
      tell(wordsOf(body))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  // A listening server has an address with a port.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}${path}`,
    close() {
      server.close()
      server.closeAllConnections()
    }
  }
}

function wordsOf(body: string): string {
  try {
    const message: unknown = JSON.parse(body)
    return [textAt(message, 'title'), textAt(message, 'text')?.split('\n')[0]].filter(word => word !== undefined).join(': ')
  } catch {
    return body
  }
}
