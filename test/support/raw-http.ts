import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import type { Test } from 'tap'

export interface RawRequest {
  readonly method: string
  readonly path: string
  /** Sent as they stand here, `Host` included, which `fetch` would choose itself. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
}

/** Sends requests with headers of any kind to one address, over connections that are kept. */
export function rawClient(t: Test, address: string): (request: RawRequest) => Promise<RawAnswer> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  t.teardown(() => agent.destroy())
  const { hostname, port } = new URL(address)
  return ({ method, path, headers, body }) =>
    new Promise((resolve, reject) => {
      const sent = request(
        {
          hostname,
          port,
          method,
          path,
          agent,
          setHost: false,
          headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) }
        },
        answer => {
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (chunk: string) => {
            text += chunk
          })
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
          answer.on('error', reject)
        }
      )
      sent.on('error', reject)
      sent.end(body)
    })
}

/** Sends bytes as they are, and resolves with the first line of the answer. */
export function firstLine(address: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(address)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
      if (!text.includes('\r\n')) return
      socket.destroy()
      resolve(text.split('\r\n')[0] ?? '')
    })
    socket.on('close', () => resolve(text.split('\r\n')[0] ?? ''))
    socket.on('error', reject)
  })
}
