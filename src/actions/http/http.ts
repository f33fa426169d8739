import { type Static, Type } from 'typebox'
import { type PlanResult, templateStands } from '../../domain/action.ts'
import { TARGET_KINDS } from '../../domain/objects.ts'
import { hashPlan, type WriteIntent } from '../../domain/plan.ts'
import type { HttpCall } from '../../domain/ports/action-http.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import { appliedWith } from '../../domain/write-result.ts'
import { jsonTemplateError, renderJson } from '../../templates/json.ts'
import { renderRefusal } from '../../templates/template.ts'
import {
  namesPod,
  prepareSending,
  REQUEST_FIELDS,
  type RequestNeeds,
  type RequestOptions,
  requestOptions,
  stepUrl,
  toldUrl,
  urlError
} from '../step-request.ts'
import type { ActionDescription, PlanInput, TypedAction } from '../typed-action.ts'

/** `with:` of `http`. */
const HttpWith = Type.Object(
  {
    url: Type.String({ minLength: 1, description: 'https, or http inside the cluster. Templates behind the host only.' }),
    method: Type.Optional(Type.Enum(['POST', 'PUT', 'PATCH', 'DELETE'], { description: 'Default POST.' })),
    body: Type.Optional(Type.Unknown({ description: 'Sent as JSON; templates in its texts.' })),
    expect: Type.Optional(
      Type.Array(Type.Integer({ minimum: 200, maximum: 299 }), { minItems: 1, description: 'Statuses that mean done; default 200 to 299.' })
    ),
    ...REQUEST_FIELDS
  },
  { additionalProperties: false }
)
type Options = Static<typeof HttpWith>

/** One request to something outside the cluster's API. */
interface HttpWrite {
  readonly kind: 'http'
  readonly request: HttpCall
  readonly options: RequestOptions & { readonly expect?: readonly number[] }
}

/** Makes one call to something outside the cluster's API. A call has no precondition, so it is sent once, and never again. */
export const HTTP = {
  name: 'http',
  title: 'Call one URL, once, with an idempotency key.',
  kinds: TARGET_KINDS,
  blames: 'nothing',
  overridesOwner: false,
  cures: true,
  rights: () => [],
  with: HttpWith,
  check: ({ url, body }) =>
    namesPod(url)
      ? 'url: {{ pod.ip }} is for circuit-breaker-reset; http calls one host that the policy names'
      : (urlError(url) ?? jsonTemplateError(body))
} satisfies ActionDescription<typeof HttpWith>

export function http(needs: RequestNeeds) {
  return {
    ...HTTP,
    writes: ['http'],
    plan,
    async apply(tools, intent, { dryRun }, signal) {
      if (dryRun) return appliedWith('not sent: a call has no dry run', tools.clock.now())
      return call(needs, intent, tools.clock.now, signal)
    },
    // Astern cannot ask the other side whether the call arrived. What may have arrived is not sent twice (rules 3).
    effect: () => 'unclear',
    stands: templateStands,
    watch: async () => ({ state: 'complete', detail: 'the call was answered' })
  } satisfies TypedAction<typeof HttpWith, HttpWrite>
}

function plan({ workload, values, options }: PlanInput<Options>): PlanResult<HttpWrite> {
  const url = stepUrl(options.url, values, undefined)
  if ('refusal' in url) return url
  const body = options.body === undefined ? undefined : renderJson(options.body, values)
  if (body !== undefined && body.kind !== 'text') return { kind: 'refused', refusal: renderRefusal(body) }
  const { method = 'POST', expect } = options
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'http',
      target: workload.ref,
      summary: `${method} ${toldUrl(url.url)}`,
      reverse: 'nothing that Astern knows of: what the call did is its receiver’s',
      uid: workload.uid,
      write: {
        kind: 'http',
        request: { to: new URL(url.url).host, method, url: url.url, ...(body === undefined ? {} : { body: body.text }) },
        options: { ...requestOptions(options), ...(expect === undefined ? {} : { expect }) }
      },
      from: workload.identity,
      to: workload.identity,
      bad: [],
      facts: { expect: expect ?? '200 to 299' }
    })
  }
}

async function call(needs: RequestNeeds, intent: WriteIntent<HttpWrite>, now: () => number, signal: AbortSignal): Promise<WriteResult> {
  const { request, options } = intent.plan.write
  const prepared = prepareSending(needs, options, { 'idempotency-key': intent.id })
  if (prepared.kind === 'failed') return { kind: 'refused', detail: prepared.detail }
  const answer = await needs.http.send(request, prepared.sending, signal)
  if (answer.kind === 'failed') return answer.sent ? { kind: 'unknown', detail: answer.detail } : { kind: 'refused', detail: answer.detail }
  const detail = `${request.to} answered ${answer.status}`
  const done = options.expect?.includes(answer.status) ?? (answer.status >= 200 && answer.status < 300)
  if (done) return appliedWith(detail, now())
  return { kind: answer.status >= 500 ? 'unknown' : 'refused', detail }
}
