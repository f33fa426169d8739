import http from 'node:http'
import https from 'node:https'
import { createGunzip, type Gunzip } from 'node:zlib'
import type { PageAnswer } from '../domain/ports/pod-pages.ts'

export interface StreamedGet {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly tls?: https.RequestOptions
  readonly deadlineMs: number
  /** Of the body, as it comes and unpacked. */
  readonly maxBytes: number
  /** Takes the body of a successful answer. False: it needs no more. */
  take(chunk: Uint8Array): boolean
}

/** What a page that is not shown says of itself is as short, bytes. */
const TOLD_BYTES = 2_000

/** What an unsuccessful answer said, besides the answer itself. */
export type StreamedAnswer = PageAnswer | { readonly kind: 'status'; readonly status: number; readonly body: string }

/**
 * Reads one page without keeping it. Never throws for what the other side does; redirects are not followed; nothing that is longer or
 * slower than allowed is read to its end.
 */
export function streamedGet(get: StreamedGet, signal: AbortSignal): Promise<StreamedAnswer> {
  return new Promise(resolve => {
    let unpacking: Gunzip | undefined
    let outgoing: http.ClientRequest | undefined
    const settle = (answer: StreamedAnswer): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      resolve(answer)
      // Whatever still comes is nobody's.
      unpacking?.destroy()
      outgoing?.destroy()
    }
    const fail = (because: Extract<PageAnswer, { readonly kind: 'failed' }>['because'], detail: string): void =>
      settle({ kind: 'failed', because, detail })
    const broke = (cause: Error): void => fail('unreachable', cause.message === '' ? cause.name : cause.message)
    const giveUp = (): void => fail('unreachable', 'the reading was given up')
    const timer = setTimeout(() => fail('unreachable', `no whole answer within ${get.deadlineMs} ms`), get.deadlineMs)
    signal.addEventListener('abort', giveUp, { once: true })
    if (signal.aborted) {
      giveUp()
      return
    }

    const onResponse = (response: http.IncomingMessage): void => {
      response.on('error', broke)
      const { statusCode: status = 0, headers } = response
      const packing = (headers['content-encoding'] ?? 'identity').toLowerCase()
      if (packing !== 'identity' && packing !== 'gzip') {
        fail('rejected', `it answers packed by ${packing}, which was not asked for`)
        return
      }
      const isShown = status === 200
      let told = ''
      const contentType = headers['content-type'] ?? ''
      const counted = (bytes: { count: number }, then: (chunk: Buffer) => void) => (chunk: Buffer) => {
        bytes.count += chunk.length
        if (bytes.count > get.maxBytes) fail('too-much', `it answers more than ${get.maxBytes} bytes`)
        else then(chunk)
      }
      const onBody = counted({ count: 0 }, chunk => {
        if (isShown) {
          if (!get.take(chunk)) settle({ kind: 'answered', contentType })
        } else if (told.length < TOLD_BYTES) told += chunk.toString('latin1')
        else onEnd()
      })
      const onEnd = (): void =>
        settle(isShown ? { kind: 'answered', contentType } : { kind: 'status', status, body: told.slice(0, TOLD_BYTES) })
      if (packing === 'identity') {
        response.on('data', onBody)
        response.on('end', onEnd)
        return
      }
      const gunzip = createGunzip()
      unpacking = gunzip
      gunzip.on('data', onBody)
      gunzip.on('end', onEnd)
      gunzip.on('error', cause => fail('rejected', `its gzip is broken: ${cause.message}`))
      response.on(
        'data',
        counted({ count: 0 }, chunk => void gunzip.write(chunk))
      )
      response.on('end', () => gunzip.end())
    }
    try {
      const url = new URL(get.url)
      const options = { ...get.tls, method: 'GET', headers: { ...get.tls?.headers, 'accept-encoding': 'gzip', ...get.headers } }
      outgoing = (url.protocol === 'https:' ? https : http).request(url, options, onResponse)
      outgoing.on('error', broke)
      outgoing.end()
    } catch (cause) {
      // An address or a header that cannot be sent.
      broke(cause instanceof Error ? cause : new Error(String(cause)))
    }
  })
}
