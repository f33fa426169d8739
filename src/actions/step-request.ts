import { Type } from 'typebox'
import { MINUTE, SECOND } from '../base/clock.ts'
import { durationOr } from '../base/duration.ts'
import { type Refused, refused, type StepValues } from '../domain/action.ts'
import type { ActionHttp, HttpSending } from '../domain/ports/action-http.ts'
import { renderRefusal } from '../templates/template.ts'
import { parseUrlTemplate, renderUrl } from '../templates/url.ts'
import { durationField } from './duration-field.ts'

/** What actions that call something over HTTP are given. */
export interface RequestNeeds {
  readonly http: ActionHttp
  /** Reads a file that a step names, because secrets are never in a policy. Throws where it cannot be read. */
  readonly readFile: (path: string) => string
}

/** The options of every step that calls something over HTTP. */
export const REQUEST_FIELDS = {
  headersFromFiles: Type.Optional(
    Type.Record(Type.String({ pattern: '^[A-Za-z0-9-]+$' }), Type.String({ minLength: 1 }), {
      description: 'Headers whose value stands in a file, such as Authorization. No secret is ever in a policy.'
    })
  ),
  timeout: durationField('Deadline of one request; default 10s, at most 1m.')
} as const

/** The default deadline. A breaker or a hook answers at once, and one that does not within this time counts as unreachable. */
const DEFAULT_TIMEOUT_MS = 10 * SECOND

/** How the requests of a plan are sent. The plan names the files with headers, but never has their contents. */
export interface RequestOptions {
  readonly headersFromFiles?: Readonly<Record<string, string>>
  readonly timeout?: string
}

/** Matches a URL that has the pod's address in place of its host. No other template may stand there. */
const POD_HOST = /^(https?:\/\/)\{\{\s*pod\.ip\s*\}\}(?=[:/]|$)/
const PLACEHOLDER = 'pod.invalid'

export function namesPod(url: string): boolean {
  return POD_HOST.test(url)
}

/** Says what is wrong with a URL of a step; undefined where nothing is. */
export function urlError(url: string): string | undefined {
  const parsed = parseUrlTemplate(url.replace(POD_HOST, `$1${PLACEHOLDER}`))
  return 'error' in parsed ? parsed.error : undefined
}

/** Renders a step's URL for a pod (by its address) or for the host that the policy names. */
export function stepUrl(source: string, values: StepValues, address: string | undefined): { readonly url: string } | Refused {
  const rendered = renderUrl(source.replace(POD_HOST, `$1${PLACEHOLDER}`), values)
  if (rendered.kind !== 'text') return { kind: 'refused', refusal: renderRefusal(rendered) }
  if (!namesPod(source)) return { url: rendered.text }
  if (address === undefined) return refused('address-refused', 'the pod has no address')
  return { url: rendered.text.replace(PLACEHOLDER, address.includes(':') ? `[${address}]` : address) }
}

/** The part of a step's options that says how its requests are sent. */
export function requestOptions({ headersFromFiles, timeout }: RequestOptions): RequestOptions {
  return { ...(headersFromFiles === undefined ? {} : { headersFromFiles }), ...(timeout === undefined ? {} : { timeout }) }
}

export type PreparedSending =
  | { readonly kind: 'ready'; readonly sending: HttpSending }
  | { readonly kind: 'failed'; readonly detail: string }

/**
 * Reads the headers that are in files, and adds `more`. It fails where a file cannot be read, because nothing may be sent without
 * its contents.
 */
export function prepareSending(
  { readFile }: Pick<RequestNeeds, 'readFile'>,
  { headersFromFiles = {}, timeout }: RequestOptions,
  more: Readonly<Record<string, string>> = {}
): PreparedSending {
  const timeoutMs = Math.min(durationOr(timeout, DEFAULT_TIMEOUT_MS), MINUTE)
  try {
    const headers = Object.fromEntries(Object.entries(headersFromFiles).map(([name, file]) => [name, readFile(file)]))
    return { kind: 'ready', sending: { headers: { ...headers, ...more }, timeoutMs } }
  } catch (cause) {
    return { kind: 'failed', detail: `a header’s file cannot be read: ${cause instanceof Error ? cause.message : String(cause)}` }
  }
}
