import { Type } from 'typebox'
import { MINUTE, SECOND } from '../base/clock.ts'
import { durationOr } from '../base/duration.ts'
import type { ActionHttp, StepValues, Tools } from '../domain/action.ts'
import type { Refusal } from '../domain/reasons.ts'
import { renderRefusal } from '../templates/template.ts'
import { parseUrlTemplate, renderUrl } from '../templates/url.ts'

/** What steps that call something over HTTP have alike. */
export const REQUEST_FIELDS = {
  headersFromFiles: Type.Optional(
    Type.Record(Type.String({ pattern: '^[A-Za-z0-9-]+$' }), Type.String({ minLength: 1 }), {
      description: 'Headers whose value stands in a file, such as Authorization. No secret is ever in a policy.'
    })
  ),
  timeout: Type.Optional(
    Type.String({ pattern: '^([0-9]+(ms|s|m|h|d|w|y))+$', description: 'Deadline of one request; default 10s, at most 1m.' })
  )
} as const

const DEFAULT_TIMEOUT_MS = 10 * SECOND

export interface RequestOptions {
  readonly headersFromFiles?: Readonly<Record<string, string>>
  readonly timeout?: string
}

/** The pod's own address may stand in place of a host, and nothing else may. */
const POD_HOST = /^(https?:\/\/)\{\{\s*pod\.ip\s*\}\}(?=[:/]|$)/
const PLACEHOLDER = 'pod.invalid'

export function namesPod(url: string): boolean {
  return POD_HOST.test(url)
}

/** What is wrong with a URL of a step; undefined where nothing is. */
export function urlError(url: string): string | undefined {
  const parsed = parseUrlTemplate(url.replace(POD_HOST, `$1${PLACEHOLDER}`))
  return 'error' in parsed ? parsed.error : undefined
}

/** A step's URL for a pod (by its address) or for the host that the policy names. */
export function stepUrl(
  source: string,
  values: StepValues,
  address: string | undefined
): { readonly url: string } | { readonly refusal: Refusal } {
  const rendered = renderUrl(source.replace(POD_HOST, `$1${PLACEHOLDER}`), values)
  if (rendered.kind !== 'text') return { refusal: renderRefusal(rendered) }
  if (!namesPod(source)) return { url: rendered.text }
  if (address === undefined) return { refusal: { reason: 'address-refused', detail: 'the pod has no address' } }
  return { url: rendered.text.replace(PLACEHOLDER, address.includes(':') ? `[${address}]` : address) }
}

/** As people and the audit log read it: without the query, which may hold a secret. */
export function toldUrl(url: string): string {
  return url.split(/[?#]/)[0] ?? ''
}

/** How a request of the step is sent. Throws where a file cannot be read: nothing may be sent without what it says. */
export function sendOptions(
  tools: Tools,
  options: RequestOptions,
  more: Readonly<Record<string, string>> = {}
): Parameters<ActionHttp['send']>[1] {
  const headers = Object.fromEntries(Object.entries(options.headersFromFiles ?? {}).map(([name, file]) => [name, tools.readFile(file)]))
  const asked = durationOr(options.timeout, DEFAULT_TIMEOUT_MS)
  return { headers: { ...headers, ...more }, timeoutMs: Math.min(asked, MINUTE) }
}
