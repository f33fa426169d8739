import { at, isObject, textAt } from '../../base/json.ts'
import { atPointer } from '../../base/json-pointer.ts'
import type { ActionHttp, HttpCall, HttpSending } from '../../domain/ports/action-http.ts'

/** How Astern asks a breaker for its state, and resets it. It is plain JSON, because it is part of the plan. */
export interface BreakerProtocol {
  readonly style: 'resilience4j' | 'generic'
  readonly method: HttpCall['method']
  /** The path of the state, relative to the breaker's URL. Where it is absent, the URL itself gives the state. */
  readonly statePath?: string
  readonly pointer: string
  readonly closed: string
  readonly body?: string
}

/** The answer of a breaker that was asked for its state. */
export type BreakerState =
  | { readonly kind: 'state'; readonly state: string }
  /** The other side answers, but has no such breaker. A reset would make one (facts B.7). */
  | { readonly kind: 'absent'; readonly detail: string }
  | { readonly kind: 'unreachable'; readonly detail: string }

/** What is needed to call a breaker. */
export interface BreakerLine {
  readonly http: ActionHttp
  readonly protocol: BreakerProtocol
  readonly sending: HttpSending
}

/** One breaker: whose it is (a pod's or a host's), and its URL. */
export type BreakerPlace = Pick<HttpCall, 'to' | 'url' | 'pod'>

/** `…/circuitbreakers/payments` → `…/circuitbreakers`, and the name. */
function listed(url: string): { readonly list: string; readonly name: string } {
  const parsed = new URL(url)
  const parts = parsed.pathname.split('/')
  const name = decodeURIComponent(parts.pop() ?? '')
  return { list: `${parsed.origin}${parts.join('/')}`, name }
}

/** Asks one breaker for its state. */
export async function readState(
  { http, protocol, sending }: BreakerLine,
  { to, url, pod }: BreakerPlace,
  signal: AbortSignal
): Promise<BreakerState> {
  const isActuator = protocol.style === 'resilience4j'
  const { list, name } = listed(url)
  const asked = isActuator ? list : protocol.statePath === undefined ? url : new URL(protocol.statePath, url).href
  const answer = await http.send({ to, method: 'GET', url: asked, ...(pod === undefined ? {} : { pod }) }, sending, signal)
  if (answer.kind === 'failed') return { kind: 'unreachable', detail: answer.detail }
  if (answer.status === 404) return { kind: 'absent', detail: `${to} answered 404` }
  if (answer.status !== 200) return { kind: 'unreachable', detail: `${to} answered ${answer.status}` }
  const body = parse(answer.body)
  if (isActuator) {
    const breakers = at(body, 'circuitBreakers')
    if (!isObject(breakers)) return { kind: 'unreachable', detail: `${to} answered no list of circuit breakers` }
    // The list is asked for, because asking for an unknown name would make a breaker of that name.
    const state = textAt(breakers, name, 'state')
    return state === undefined ? { kind: 'absent', detail: `${to} has no breaker ${JSON.stringify(name)}` } : { kind: 'state', state }
  }
  const state = atPointer(body, protocol.pointer)
  return typeof state === 'string' || typeof state === 'boolean' || typeof state === 'number'
    ? { kind: 'state', state: String(state) }
    : { kind: 'absent', detail: `${to} says nothing at ${protocol.pointer}` }
}

/** What became of one reset. `sent`: whether the request may have arrived. */
export interface Reset {
  readonly to: string
  readonly closed: boolean
  readonly sent: boolean
  readonly detail: string
}

/** Resets one breaker, and looks whether it is closed, because an answer of 200 alone proves nothing (facts B.7). */
export async function reset(line: BreakerLine, call: HttpCall, signal: AbortSignal): Promise<Reset> {
  const { http, protocol, sending } = line
  const answer = await http.send(call, sending, signal)
  const answered = answer.kind === 'failed' ? answer.detail : `${call.to} answered ${answer.status}`
  const after = await readState(line, call, signal)
  const closed = after.kind === 'state' && after.state === protocol.closed
  return {
    to: call.to,
    closed,
    sent: answer.kind === 'response' || answer.sent,
    detail: closed ? `${call.to} is ${protocol.closed}` : `${answered}, and it is ${after.kind === 'state' ? after.state : after.detail}`
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
