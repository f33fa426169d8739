import { toldUrl } from '../../base/redacted-url.ts'
import { type Effect, type PlanResult, refused, templateStands } from '../../domain/action.ts'
import { TARGET_KINDS } from '../../domain/objects.ts'
import { hashPlan, type WriteIntent } from '../../domain/plan.ts'
import type { HttpCall } from '../../domain/ports/action-http.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import type { Workload } from '../../domain/workload.ts'
import { appliedWith } from '../../domain/write-result.ts'
import { renderJson } from '../../templates/json.ts'
import { prepareSending, type RequestNeeds, type RequestOptions, requestOptions, stepUrl } from '../step-request.ts'
import type { ActionDescription, Observation, PlanInput, TypedAction } from '../typed-action.ts'
import { type BreakerLine, type BreakerPlace, type BreakerProtocol, type BreakerState, readState, reset } from './breaker.ts'
import { type BreakerOptions, CircuitBreakerResetWith, checkBreakerOptions, protocolOf } from './options.ts'

interface SeenBreaker extends BreakerPlace {
  readonly state: BreakerState
}

/** The write: resets of breakers. After each reset the protocol's state is read. */
interface ResetWrite {
  readonly kind: 'breaker-reset'
  readonly requests: readonly HttpCall[]
  readonly options: RequestOptions
  readonly protocol: BreakerProtocol
}

export const CIRCUIT_BREAKER_RESET = {
  name: 'circuit-breaker-reset',
  title: 'Close open circuit breakers, pod by pod, and see that they are closed.',
  kinds: TARGET_KINDS,
  blames: 'nothing',
  overridesOwner: false,
  cures: true,
  rights: () => [],
  with: CircuitBreakerResetWith,
  check: checkBreakerOptions
} satisfies ActionDescription<typeof CircuitBreakerResetWith>

/** Resets open circuit breakers, in each pod or at the host that the step names. */
export function circuitBreakerReset(needs: RequestNeeds) {
  return {
    ...CIRCUIT_BREAKER_RESET,
    writes: ['breaker-reset'],
    observe: (_tools, input, signal) => observe(needs, input, signal),
    plan,
    async apply(tools, { plan: { write } }, { dryRun }, signal) {
      const line = lineOf(needs, write)
      if (typeof line === 'string') return { kind: 'refused', detail: line }
      if (dryRun) return appliedWith('not sent: a reset has no dry run; the states were read', tools.clock.now())
      return resetAll(line, write, tools.clock.now, signal)
    },
    effect: (intent, workload, _tools, signal) => effect(needs, intent, workload, signal),
    stands: templateStands,
    watch: async () => ({ state: 'complete', detail: 'the breakers were reset' })
  } satisfies TypedAction<typeof CircuitBreakerResetWith, ResetWrite, readonly SeenBreaker[]>
}

/** What is needed to call the breakers; a sentence where that cannot be made. */
function lineOf(needs: RequestNeeds, { options, protocol }: Pick<ResetWrite, 'options' | 'protocol'>): BreakerLine | string {
  const prepared = prepareSending(needs, options)
  return prepared.kind === 'failed' ? prepared.detail : { http: needs.http, protocol, sending: prepared.sending }
}

/** Who is called: the ready pods, by the addresses that the API server gives. A pod with its node's own address is left out. */
function addressees(options: BreakerOptions, workload: Workload): readonly { readonly to: string; readonly address?: string }[] {
  if (options.each !== 'pod') return [{ to: new URL(options.url.replace(/\{\{.*?\}\}/g, 'x')).host }]
  return workload.pods
    .filter(pod => pod.ready && !pod.terminating && !pod.hostNetwork)
    .flatMap(pod => (pod.ip === undefined ? [] : [{ to: pod.name, address: pod.ip }]))
}

async function observe(
  needs: RequestNeeds,
  { workload, values, options }: PlanInput<BreakerOptions>,
  signal: AbortSignal
): Promise<Observation<readonly SeenBreaker[]>> {
  const called = addressees(options, workload)
  if (called.length === 0) return refused('breaker-unknown', 'the target has no ready pod with an address of its own')
  const line = lineOf(needs, { options, protocol: protocolOf(options, undefined) })
  if (typeof line === 'string') return refused('breaker-unknown', line)
  const seen: SeenBreaker[] = []
  for (const { to, address } of called) {
    const url = stepUrl(options.url, values, address)
    if ('refusal' in url) return url
    const place: BreakerPlace = { to, url: url.url, ...(address === undefined ? {} : { pod: true }) }
    seen.push({ ...place, state: await readState(line, place, signal) })
  }
  return { kind: 'seen', seen }
}

function plan({ workload, values, options }: PlanInput<BreakerOptions>, seen: readonly SeenBreaker[]): PlanResult<ResetWrite> {
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
        kind: 'breaker-reset',
        requests: open.map(({ to, url, pod }) => ({
          to,
          ...(pod === undefined ? {} : { pod }),
          method: protocol.method,
          url,
          ...(protocol.body === undefined ? {} : { body: protocol.body })
        })),
        options: requestOptions(options),
        protocol
      },
      from: workload.identity,
      to: workload.identity,
      bad: [],
      facts: { states }
    })
  }
}

async function resetAll(line: BreakerLine, { requests }: ResetWrite, now: () => number, signal: AbortSignal): Promise<WriteResult> {
  const results = []
  for (const call of requests) results.push(await reset(line, call, signal))
  const closed = results.filter(result => result.closed)
  const left = results.filter(result => !result.closed)
  if (left.length === 0) return appliedWith(`closed in ${closed.map(({ to }) => to).join(', ')}`, now())
  const detail = left.map(result => result.detail).join('; ')
  if (closed.length > 0 || left.some(({ sent }) => sent))
    return appliedWith(`closed in ${closed.length} of ${results.length}: ${detail}`, now())
  return { kind: 'refused', detail }
}

/** The effect is there once the breakers are closed, whoever closed them. Otherwise a reset may have been sent, and is not repeated. */
async function effect(needs: RequestNeeds, intent: WriteIntent<ResetWrite>, workload: Workload, signal: AbortSignal): Promise<Effect> {
  const { uid, write } = intent.plan
  if (workload.uid !== uid) return 'superseded'
  const line = lineOf(needs, write)
  if (typeof line === 'string') return 'unclear'
  for (const place of write.requests) {
    const state = await readState(line, place, signal)
    if (state.kind !== 'state' || state.state !== write.protocol.closed) return 'unclear'
  }
  return 'seen'
}
