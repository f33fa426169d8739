import { RedactedUrl } from '../base/redacted-url.ts'
import type { HttpClient } from '../outgoing/http-client.ts'
import { secureFault } from './channel-url.ts'

/** How a channel looks without a message being sent. `bad`: people must mend it. `unreachable`: the other side, or the way to it, must come back. */
export type Probed = { readonly kind: 'good' | 'bad' | 'unreachable'; readonly detail: string }

/** Looks at a channel as far as that goes without a message. It rejects where a file cannot be read. */
export type Probe = (signal: AbortSignal) => Promise<Probed>

export const PROBE_DEADLINE_MS = 10_000
/** More than any page that a server shows at its root is not read, bytes. */
const MOST_BYTES = 1024 * 1024

/** What nothing but a message can prove. */
export const ONLY_A_MESSAGE = 'only a message proves more (`astern channels test`, or --send-test)'

/**
 * Looks whether the server of a URL answers: by the same proxy, with the same authorities, and at its root, so that a path that is a secret
 * or that does something is not called.
 */
export async function reachable(http: Pick<HttpClient, 'request'>, url: string | RedactedUrl, signal: AbortSignal): Promise<Probed> {
  const href = typeof url === 'string' ? url : url.reveal()
  const told = typeof url === 'string' ? RedactedUrl.written(url).told : url.told
  if (!URL.canParse(href)) return { kind: 'bad', detail: `${told} is not a URL` }
  const root = `${new URL(href).origin}/`
  const to = typeof url === 'string' || !url.opaque ? root : RedactedUrl.inFile(root, told.replace(/^the URL in /, ''))
  const result = await http.request({ method: 'GET', url: to, deadlineMs: PROBE_DEADLINE_MS, maxBytes: MOST_BYTES }, signal)
  if (result.kind === 'failed' && result.problem !== 'too-large') return { kind: 'unreachable', detail: result.detail }
  return { kind: 'good', detail: `its server answers (${new URL(href).protocol === 'https:' ? 'TCP and TLS' : 'TCP'}); ${ONLY_A_MESSAGE}` }
}

/** The same for a URL that is the content of a file. */
export async function reachableInFile(
  { http, readFile }: { readonly http: Pick<HttpClient, 'request'>; readonly readFile: (path: string) => Promise<string> },
  file: string,
  signal: AbortSignal
): Promise<Probed> {
  const url = RedactedUrl.inFile(await readFile(file), file)
  const fault = secureFault(url.reveal())
  return fault === undefined ? reachable(http, url, signal) : { kind: 'bad', detail: `${url.told} ${fault}` }
}
