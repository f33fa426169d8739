import type { Delivered } from '../domain/message.ts'
import type { HttpResponse, HttpResult } from '../outgoing/http-client.ts'

/** How much of an answer people are told, characters. */
const TOLD = 200

/** How long a server wants to be left alone, milliseconds: its `Retry-After`, in seconds or as a date. Undefined where it says nothing. */
export function retryAfterOf({ headers }: HttpResponse, now: number): number | undefined {
  const text = headers['retry-after']
  if (text === undefined || text.trim() === '') return undefined
  const seconds = Number(text)
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(text) - now
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined
}

/** A failure that passes, with the server’s own word on when to try again. */
export function failedFor(response: HttpResponse, now: number, otherwiseMs?: number): Delivered {
  const retryAfterMs = retryAfterOf(response, now) ?? otherwiseMs
  return { kind: 'failed', detail: toldAnswer(response), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

/**
 * What an answer of a provider means whose 4xx are final: what is wrong then is in the message or in the settings. 408, 425, 429 and
 * 5xx pass.
 */
export function deliveredBy(result: HttpResult, now: number): Delivered {
  if (result.kind === 'failed') return { kind: 'failed', detail: result.detail }
  const { status } = result
  if (status >= 200 && status < 300) return { kind: 'delivered' }
  if (status >= 500 || [408, 425, 429].includes(status)) return failedFor(result, now)
  return { kind: 'refused', detail: toldAnswer(result) }
}

export function toldAnswer({ status, body }: HttpResponse): string {
  return `answered ${status} ${body.slice(0, TOLD)}`.trimEnd()
}
