import type { Clock } from '../../base/clock.ts'
import { textAt } from '../../base/json.ts'
import type { ApiConnection } from '../client.ts'
import { backOff, type Patience } from './patience.ts'

/** How asking for a guard ended. */
export type Begun =
  | { readonly kind: 'begun'; readonly view: unknown; readonly id: string; readonly attached: boolean }
  /** The server will not do it, and would not the next time. */
  | { readonly kind: 'refused'; readonly status: number; readonly detail: string }
  | { readonly kind: 'lost'; readonly detail: string }
  | { readonly kind: 'aborted' }

export interface BeginParts {
  readonly connection: Pick<ApiConnection, 'send'>
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly patience: Patience
  /** Is called once for each thing that keeps it from beginning. */
  readonly waits: (detail: string) => void
}

/** Asks for a guard until the server answers. To ask twice is harmless: the second request attaches to the first one’s guard. */
export async function beginGuard(body: unknown, { connection, clock, signal, patience, waits }: BeginParts): Promise<Begun> {
  const since = clock.now()
  let told: string | undefined
  for (let attempt = 1; ; attempt += 1) {
    const reply = await connection.send({ method: 'POST', path: '/api/v1/guards', body }, signal)
    if (signal.aborted) return { kind: 'aborted' }
    const id = reply.kind === 'answer' ? textAt(reply.body, 'id') : undefined
    if (reply.kind === 'answer' && (reply.status === 201 || reply.status === 200) && id !== undefined)
      return { kind: 'begun', view: reply.body, id, attached: reply.status === 200 }
    const detail = reply.kind === 'failed' ? reply.detail : (textAt(reply.body, 'detail') ?? `it answered ${reply.status}`)
    if (reply.kind === 'answer' && isFinal(reply.status)) return { kind: 'refused', status: reply.status, detail }
    if (detail !== told) waits(detail)
    told = detail
    const pause = backOff(attempt)
    if (clock.now() + pause - since >= patience.ms) return { kind: 'lost', detail }
    try {
      await clock.sleep(pause, signal)
    } catch {
      return { kind: 'aborted' }
    }
  }
}

/** 408 and 429 pass, as do all that say that the server is not well. */
function isFinal(status: number): boolean {
  return status < 500 && status !== 408 && status !== 429
}
