import { get, type IncomingMessage } from 'node:http'
import type { Test } from 'tap'
import { TOKENS } from './server-fixture.ts'

export interface OpenStream {
  readonly response: IncomingMessage
  /** The next block of lines: an event, or a comment. Undefined when the stream has ended. */
  next(): Promise<string | undefined>
  close(): void
}

/** Opens a stream of server-sent events, and reads it block by block. */
export async function openStream(t: Test, url: string, headers: Readonly<Record<string, string>> = {}): Promise<OpenStream> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(
      url,
      { agent: false, headers: { accept: 'text/event-stream', authorization: `Bearer ${TOKENS.operator}`, ...headers } },
      resolve
    ).on('error', reject)
  })
  t.teardown(() => response.destroy())
  response.setEncoding('utf8')
  const pieces = response[Symbol.asyncIterator]() as AsyncIterator<string>
  let text = ''
  return {
    response,
    close: () => response.destroy(),
    async next() {
      for (;;) {
        const end = text.indexOf('\n\n')
        if (end !== -1) {
          const block = text.slice(0, end)
          text = text.slice(end + 2)
          return block
        }
        const piece = await pieces.next()
        if (piece.done === true) return undefined
        text += piece.value
      }
    }
  }
}

/** What the event tells. */
export function dataOf(block: string | undefined): Readonly<Record<string, unknown>> {
  const line = block?.split('\n').find(one => one.startsWith('data: '))
  return line === undefined ? {} : (JSON.parse(line.slice(6)) as Readonly<Record<string, unknown>>)
}
