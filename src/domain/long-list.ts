import { isObject, type JsonObject, listAt, textAt } from '../base/json.ts'
import type { KubeAnswer } from './ports/kube.ts'

/** Reads one page: `get` or `metadata` of the Kubernetes API. */
export type ReadPage = (path: string, signal?: AbortSignal) => Promise<KubeAnswer>

type Failure = Exclude<KubeAnswer, { readonly kind: 'ok' }>

/** `version` is the one of the first page: a watch from there misses nothing, whichever page an object stood on. */
export type Paged = { readonly kind: 'ok'; readonly version: string } | Failure

export type Listed<Kept> = { readonly kind: 'ok'; readonly items: readonly Kept[] } | Failure

/** Objects of one answer. Deployments have some 6 kB each, and the text of a page is in memory together with its objects. */
const PAGE = 250
/** Where a page is too long to be read, or too slow, the next ones are shorter by this factor. */
const SHORTER = 4
/** A list whose token ran out is begun anew this often. One that runs out again and again is slower than etcd's compaction. */
const BEGUN_AT_MOST = 3

/**
 * Lists page by page. Each page is handed over and let go of before the next is asked for, so that the whole list is never in memory.
 * Where the server has no longer what a page's token stands for, it goes on with the one that the server offers instead. What follows
 * is then newer than what came before. Without an offer the answer is the 410.
 */
export async function eachPage(
  read: ReadPage,
  path: string,
  take: (items: readonly unknown[]) => Promise<void> | void,
  signal?: AbortSignal
): Promise<Paged> {
  let limit = PAGE
  let token = ''
  let version: string | undefined
  for (;;) {
    const answer = await read(pagePath(path, limit, token), signal)
    if (answer.kind === 'ok') {
      version ??= textAt(answer.object, 'metadata', 'resourceVersion') ?? ''
      await take(listAt(answer.object, 'items'))
      token = textAt(answer.object, 'metadata', 'continue') ?? ''
      if (token === '') return { kind: 'ok', version }
    } else if (isTooMuch(answer) && limit > 1) limit = Math.max(1, Math.floor(limit / SHORTER))
    else if (isExpired(answer) && token !== '' && answer.goOn !== undefined && answer.goOn !== token) token = answer.goOn
    else return answer
  }
}

/** Lists page by page, and keeps of each object only what `keep` makes of it. Objects for which it makes nothing are left out. */
export async function listKept<Kept>(
  read: ReadPage,
  path: string,
  keep: (item: JsonObject) => Kept | undefined,
  signal?: AbortSignal
): Promise<Listed<Kept>> {
  for (let begun = 1; ; begun += 1) {
    const items: Kept[] = []
    const take = (page: readonly unknown[]): void => {
      for (const item of page) {
        const kept = isObject(item) ? keep(item) : undefined
        if (kept !== undefined) items.push(kept)
      }
    }
    const end = await eachPage(read, path, take, signal)
    if (end.kind === 'ok') return { kind: 'ok', items }
    if (!isExpired(end) || begun === BEGUN_AT_MOST) return end
  }
}

/** Whether what was asked for is older than what the server keeps (410). A list from now is the way on. */
export function isExpired(answer: KubeAnswer): answer is Extract<KubeAnswer, { readonly kind: 'error' }> {
  return answer.kind === 'error' && answer.status === 410
}

function isTooMuch(answer: Failure): boolean {
  // A proxy that gave up waiting for a long answer says 504.
  return answer.kind === 'unreachable' ? answer.problem !== undefined : answer.status === 504
}

function pagePath(path: string, limit: number, token: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}`
}
