import { once } from 'node:events'
import http from 'node:http'
import type { JsonObject } from '../../../src/base/json.ts'

export interface Person {
  readonly event: string
  readonly title: string
  readonly text: string
  readonly key: string
  readonly details: JsonObject
  /** Later versions of it, oldest first. */
  readonly updates: readonly Person[]
}

/** Where people's messages arrive; the same key is the same message, and what comes again is an update of it. */
export async function startInbox(people: Person[]): Promise<{ readonly url: string; close(): void }> {
  const server = http.createServer({ keepAliveTimeout: 72_000 }, (request, response) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      text += chunk
    })
    request.on('end', () => {
      // Doctor looks whether somebody answers, at the root.
      if (request.method !== 'POST') return void response.writeHead(405).end()
      const message = { ...(JSON.parse(text) as Person), updates: [] }
      const known = people.findIndex(one => one.key === message.key)
      const before = people[known]
      if (before === undefined) people.push(message)
      else people[known] = { ...before, updates: [...before.updates, message] }
      response.writeHead(204).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the inbox got no port')
  return {
    url: `http://127.0.0.1:${address.port}/inbox`,
    close() {
      server.close()
      server.closeAllConnections()
    }
  }
}
