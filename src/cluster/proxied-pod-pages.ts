import { textAt } from '../base/json.ts'
import type { PodPages } from '../domain/ports/pod-pages.ts'
import { PAGE_BYTES, PAGE_DEADLINE_MS, SCRAPE_HEADERS, unshown } from '../outgoing/direct-pod-pages.ts'
import { type StreamedAnswer, streamedGet } from '../outgoing/streamed-get.ts'
import type { ClusterConnection } from './access.ts'

/**
 * Reads pods through the API server (`get pods/proxy`), where Astern cannot reach them itself. That right also calls everything else that
 * pods of the namespace serve to a GET, so that nobody has it by default.
 */
export function createProxiedPodPages(connection: ClusterConnection): PodPages {
  return {
    async read({ pod, page, accept, take }, signal) {
      const scheme = page.scheme === 'https' ? 'https:' : ''
      const pods = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods`
      let tls: Awaited<ReturnType<ClusterConnection['options']>>
      try {
        tls = await connection.options()
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause)
        return { kind: 'failed', because: 'unreachable', detail: `the cluster's credentials cannot be read: ${why}` }
      }
      const answer = await streamedGet(
        {
          url: `${connection.server}${pods}/${scheme}${encodeURIComponent(pod.name)}:${page.port}/proxy${page.path}`,
          headers: { ...SCRAPE_HEADERS, accept },
          tls,
          deadlineMs: PAGE_DEADLINE_MS,
          maxBytes: PAGE_BYTES,
          take
        },
        signal
      )
      const refused = refusalIn(answer)
      if (refused !== undefined) return { kind: 'failed', because: 'forbidden', detail: refused }
      return unshown(answer, `port ${page.port}, ${page.path}, through the API server`)
    }
  }
}

/** What the API server itself refuses: a pod's own 403 has no such document. */
function refusalIn(answer: StreamedAnswer): string | undefined {
  if (answer.kind !== 'status' || answer.status !== 403) return undefined
  try {
    const body: unknown = JSON.parse(answer.body)
    return textAt(body, 'kind') === 'Status' ? textAt(body, 'message')?.slice(0, 500) : undefined
  } catch {
    return undefined
  }
}
