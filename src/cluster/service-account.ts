import { readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { join } from 'node:path'
import type { ClusterConnection, InCluster, KnowCredential } from './access.ts'

/** How often the token is read again. The kubelet replaces it at 80 % of its hour, and client-go looks every minute as well. */
const READ_AGAIN_MS = 60_000

/**
 * Connects as a pod does: by an address, a CA, and a token that is replaced while the pod runs.
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
export function serviceAccountConnection({ server, folder }: InCluster, now: () => number, know: KnowCredential): ClusterConnection {
  let read: { readonly at: number; readonly options: RequestOptions } | undefined
  return {
    server,
    async options() {
      if (read !== undefined && now() - read.at < READ_AGAIN_MS) return read.options
      const [token, ca] = await Promise.all([readFile(join(folder, 'token'), 'utf8'), readFile(join(folder, 'ca.crt'), 'utf8')])
      know(token)
      read = { at: now(), options: { ca, headers: { authorization: `Bearer ${token.trim()}` } } }
      return read.options
    }
  }
}
