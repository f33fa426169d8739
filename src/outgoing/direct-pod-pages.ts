import { isIP } from 'node:net'
import type { PageAnswer, PodPages } from '../domain/ports/pod-pages.ts'
import { type AddressFacts, refusalOf } from './addresses.ts'
import { type StreamedAnswer, streamedGet } from './streamed-get.ts'

/** The limits of one reading. Readings come every five seconds, and one that hangs must not reach into the next. */
export const PAGE_DEADLINE_MS = 4_000
/** Ten thousand series of a busy service are some 2 MiB. */
export const PAGE_BYTES = 10 * 1024 * 1024

/** What scrapers say of themselves; some exporters stop in time by the last one. */
export const SCRAPE_HEADERS = { 'user-agent': 'astern', 'x-prometheus-scrape-timeout-seconds': String(PAGE_DEADLINE_MS / 1_000) } as const

/** Reads pods at their own addresses, by the rules that hold for calls of actions (promise 12). It sends no credential. */
export function createDirectPodPages(facts: () => Promise<AddressFacts>): PodPages {
  return {
    async read({ pod, page, accept, take }, signal) {
      const { ip = '' } = pod
      if (isIP(ip) === 0) return { kind: 'failed', because: 'rejected', detail: 'it has no address of its own' }
      const refusal = refusalOf({ address: ip, port: page.port, pod: true }, await facts())
      if (refusal !== undefined) return { kind: 'failed', because: 'forbidden', detail: refusal }
      const host = ip.includes(':') ? `[${ip}]` : ip
      const answer = await streamedGet(
        {
          url: `${page.scheme}://${host}:${page.port}${page.path}`,
          headers: { ...SCRAPE_HEADERS, accept },
          // No authority certifies a pod's address. Nothing secret is sent, and plain HTTP, the default, proves no more.
          tls: { agent: false, rejectUnauthorized: false },
          deadlineMs: PAGE_DEADLINE_MS,
          maxBytes: PAGE_BYTES,
          take
        },
        signal
      )
      return unshown(answer, `port ${page.port}, ${page.path}`)
    }
  }
}

/** Says what an unsuccessful answer means. */
export function unshown(answer: StreamedAnswer, where: string): PageAnswer {
  if (answer.kind !== 'status') return answer.kind === 'answered' ? answer : { ...answer, detail: `${where}: ${answer.detail}` }
  const { status } = answer
  const detail = `${where}: it answers ${status}`
  if (status === 401 || status === 403) return { kind: 'failed', because: 'forbidden', detail }
  if (status >= 300 && status < 400) return { kind: 'failed', because: 'rejected', detail: `${detail}, and redirects are not followed` }
  return { kind: 'failed', because: status >= 500 ? 'unreachable' : 'rejected', detail }
}
