import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import {
  type Action,
  type Effect,
  type Observation,
  type PlanInput,
  type PlanResult,
  refused,
  type Tools,
  templateStands
} from '../../domain/action.ts'
import { TARGET_KINDS } from '../../domain/objects.ts'
import { type HttpWrite, hashPlan, type Plan } from '../../domain/plan.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import type { Workload } from '../../domain/workload.ts'
import { appliedWith } from '../../domain/write-result.ts'
import { jsonTemplateError, renderJson } from '../../templates/json.ts'
import { namesPod, REQUEST_FIELDS, sendOptions, stepUrl, toldUrl, urlError } from '../step-request.ts'
import { type BreakerProtocol, type BreakerState, readState, reset } from './breaker.ts'

/** `with:` of `circuit-breaker-reset`. */
export const CircuitBreakerResetWith = Type.Object(
  {
    url: Type.String({
      minLength: 1,
      description: 'The breaker’s own URL. `http://{{ pod.ip }}:PORT/…` with `each: pod`, else a host that is written out.'
    }),
    each: Type.Optional(
      Type.Literal('pod', { description: 'A breaker’s state is each process’ own: call every ready pod of the target.' })
    ),
    generic: Type.Optional(
      Type.Object(
        {
          method: Type.Optional(Type.Enum(['POST', 'PUT', 'PATCH', 'DELETE'], { description: 'Default POST.' })),
          body: Type.Optional(Type.Unknown({ description: 'Sent as JSON; templates in its texts.' })),
          state: Type.Optional(
            Type.String({ minLength: 1, description: 'Where the state is asked for, relative to the URL; default the URL itself.' })
          ),
          pointer: Type.String({ pattern: '^(/.*)?$', description: 'JSON pointer of the state in that answer.' }),
          closed: Type.String({ minLength: 1, description: 'What it says when the breaker is closed.' })
        },
        { additionalProperties: false, description: 'Not Spring’s Resilience4j actuator, but something else.' }
      )
    ),
    ...REQUEST_FIELDS
  },
  { additionalProperties: false }
)
type Options = Static<typeof CircuitBreakerResetWith>

/** What is wrong in `with:` beyond its schema. */
export function checkCircuitBreakerReset(value: unknown): string | undefined {
  if (!Check(CircuitBreakerResetWith, value)) return undefined
  if (namesPod(value.url) !== (value.each === 'pod')) return 'url: {{ pod.ip }} and each: pod go together'
  return urlError(value.url) ?? jsonTemplateError(value.generic?.body)
}

interface SeenBreaker {
  readonly to: string
  readonly url: string
  readonly state: BreakerState
}

/** Resets circuit breakers that are open, where they are. */
export const circuitBreakerReset = {
  name: 'circuit-breaker-reset',
  title: 'Close open circuit breakers, pod by pod, and see that they are closed.',
  kinds: TARGET_KINDS,
  blames: 'nothing',
  overridesOwner: false,
  cures: true,
  rights: () => [],
  observe,
  plan,
  apply,
  effect,
  stands: templateStands,
  watch: async () => ({ state: 'complete', detail: 'the breakers were reset' })
} satisfies Action

function optionsOf(value: unknown): Options {
  if (!Check(CircuitBreakerResetWith, value)) throw new Error('the step was not checked at load')
  return value
}

function protocolOf({ generic }: Options, body: string | undefined): BreakerProtocol {
  if (generic === undefined)
    return { style: 'resilience4j', method: 'POST', pointer: '/currentState', closed: 'CLOSED', body: '{"updateState":"CLOSE"}' }
  return {
    style: 'generic',
    method: generic.method ?? 'POST',
    ...(generic.state === undefined ? {} : { statePath: generic.state }),
    pointer: generic.pointer,
    closed: generic.closed,
    ...(body === undefined ? {} : { body })
  }
}

/** Whom to ask: the ready pods by the addresses that the API server gives, never one that is the node's own. */
function addressees(options: Options, workload: Workload): readonly { readonly to: string; readonly address?: string }[] {
  if (options.each !== 'pod') return [{ to: new URL(options.url.replace(/\{\{.*?\}\}/g, 'x')).host }]
  return workload.pods
    .filter(pod => pod.ready && !pod.terminating && !pod.hostNetwork)
    .flatMap(pod => (pod.ip === undefined ? [] : [{ to: pod.name, address: pod.ip }]))
}

async function observe(tools: Tools, input: Omit<PlanInput, 'seen'>, signal: AbortSignal): Promise<Observation> {
  const options = optionsOf(input.with)
  const whom = addressees(options, input.workload)
  if (whom.length === 0) return refused('breaker-unknown', 'the target has no ready pod with an address of its own')
  const send = preparedSend(tools, options)
  if (typeof send === 'string') return refused('breaker-unknown', send)
  const seen: SeenBreaker[] = []
  for (const { to, address } of whom) {
    const url = stepUrl(options.url, input.values, address)
    if ('refusal' in url) return { kind: 'refused', refusal: url.refusal }
    seen.push({ to, url: url.url, state: await readState(tools, to, url.url, protocolOf(options, undefined), send, signal) })
  }
  return { kind: 'seen', seen }
}

function isSeen(seen: unknown): seen is readonly SeenBreaker[] {
  return Array.isArray(seen)
}

function plan(input: PlanInput): PlanResult {
  const { workload, seen, values } = input
  if (!isSeen(seen)) throw new Error('circuit-breaker-reset plans without having looked')
  const options = optionsOf(input.with)
  const body = options.generic?.body === undefined ? undefined : renderJson(options.generic.body, values)
  if (body !== undefined && body.kind !== 'text')
    return refused(body.kind === 'missing' ? 'label-missing' : 'label-unsafe', `${body.name} in the body`)
  const protocol = protocolOf(options, body?.text)
  const absent = seen.find(({ state }) => state.kind === 'absent')
  if (absent?.state.kind === 'absent') return refused('breaker-unknown', absent.state.detail)
  const known = seen.filter(({ state }) => state.kind === 'state')
  if (known.length === 0) return refused('breaker-unknown', seen.map(({ state }) => ('detail' in state ? state.detail : '')).join('; '))
  const open = known.filter(({ state }) => state.kind === 'state' && state.state !== protocol.closed)
  if (open.length === 0) return refused('already-so', `the breaker is ${protocol.closed} in ${known.map(({ to }) => to).join(', ')}`)
  const states = Object.fromEntries(seen.map(({ to, state }) => [to, state.kind === 'state' ? state.state : state.detail]))
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'circuit-breaker-reset',
      target: workload.ref,
      summary: `close the circuit breaker at ${toldUrl(options.url)} in ${open.map(({ to }) => to).join(', ')}`,
      reverse: 'nothing to undo: a breaker whose dependency still fails opens again by itself',
      uid: workload.uid,
      write: {
        kind: 'http',
        requests: open.map(({ to, url }) => ({
          to,
          method: protocol.method,
          url,
          ...(protocol.body === undefined ? {} : { body: protocol.body })
        })),
        options: {
          ...(options.headersFromFiles === undefined ? {} : { headersFromFiles: options.headersFromFiles }),
          ...(options.timeout === undefined ? {} : { timeout: options.timeout })
        }
      },
      from: workload.identity,
      to: workload.identity,
      bad: [],
      facts: { states, protocol }
    })
  }
}

function preparedSend(tools: Tools, options: HttpWrite['options']): ReturnType<typeof sendOptions> | string {
  try {
    return sendOptions(tools, options)
  } catch (cause) {
    return `a header’s file cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

function partsOf(made: Plan): { readonly write: HttpWrite; readonly protocol: BreakerProtocol } {
  const protocol = made.facts['protocol']
  if (made.write.kind !== 'http' || !isProtocol(protocol)) throw new Error('this plan resets no breaker')
  return { write: made.write, protocol }
}

function isProtocol(value: unknown): value is BreakerProtocol {
  return typeof value === 'object' && value !== null && 'closed' in value && 'pointer' in value
}

async function apply(tools: Tools, made: Plan, { dryRun }: { readonly dryRun: boolean }, signal: AbortSignal): Promise<WriteResult> {
  const { write, protocol } = partsOf(made)
  const send = preparedSend(tools, write.options)
  if (typeof send === 'string') return { kind: 'refused', detail: send }
  const applied = (detail: string): WriteResult => appliedWith(detail, tools.clock.now())
  if (dryRun) return applied('not sent: a reset has no dry run; the states were read')
  const results = []
  for (const call of write.requests) results.push({ to: call.to, ...(await reset(tools, call, protocol, send, signal)) })
  const closed = results.filter(result => result.closed)
  const left = results.filter(result => !result.closed)
  if (left.length === 0) return applied(`closed in ${closed.map(({ to }) => to).join(', ')}`)
  const detail = left.map(result => result.detail).join('; ')
  if (closed.length > 0 || left.some(({ sent }) => sent)) return applied(`closed in ${closed.length} of ${results.length}: ${detail}`)
  return { kind: 'refused', detail }
}

/** Closed by now: whoever did it, it is done. Anything else was perhaps sent, and is not sent again. */
async function effect(made: Plan, _intentId: string, workload: Workload, tools: Tools, signal: AbortSignal): Promise<Effect> {
  if (workload.uid !== made.uid) return 'superseded'
  const { write, protocol } = partsOf(made)
  const send = preparedSend(tools, write.options)
  if (typeof send === 'string') return 'unclear'
  for (const { to, url } of write.requests) {
    const state = await readState(tools, to, url, protocol, send, signal)
    if (state.kind !== 'state' || state.state !== protocol.closed) return 'unclear'
  }
  return 'seen'
}
