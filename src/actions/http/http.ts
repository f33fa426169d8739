import { type Static, Type } from 'typebox'
import { RedactedUrl, toldUrl } from '../../base/redacted-url.ts'
import { type PlanResult, type Refused, type StepValues, templateStands } from '../../domain/action.ts'
import { TARGET_KINDS } from '../../domain/objects.ts'
import { hashPlan, type WriteIntent } from '../../domain/plan.ts'
import type { HttpCall, SentCall } from '../../domain/ports/action-http.ts'
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
  urlError
} from '../step-request.ts'
import type { ActionDescription, PlanInput, TypedAction } from '../typed-action.ts'

/** `with:` of `http`. */
const HttpWith = Type.Object(
  {
    url: Type.Optional(
      Type.String({ minLength: 1, description: 'https, or http inside the cluster. Templates behind the host only. This or urlFile.' })
    ),
    urlFile: Type.Optional(
      Type.String({ minLength: 1, description: 'File with the URL, where the URL is a secret. Nobody is shown it; it has no templates.' })
    ),
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

/** One request to something outside the cluster's API. With `urlFile` its URL stands in that file, and never in the plan. */
interface HttpWrite {
  readonly kind: 'http'
  readonly request: Omit<HttpCall, 'url'> & ({ readonly url: string } | { readonly urlFile: string })
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
  check({ url, urlFile, body }) {
    if ((url === undefined) === (urlFile === undefined)) return 'needs url or urlFile, and not both'
    if (url === undefined) return jsonTemplateError(body)
    if (namesPod(url)) return 'url: {{ pod.ip }} is for circuit-breaker-reset; http calls one host that the policy names'
    return urlError(url) ?? jsonTemplateError(body)
  }
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
  const to = addressee(options, values)
  if ('refusal' in to) return to
  const body = options.body === undefined ? undefined : renderJson(options.body, values)
  if (body !== undefined && body.kind !== 'text') return { kind: 'refused', refusal: renderRefusal(body) }
  const { method = 'POST', expect } = options
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'http',
      target: workload.ref,
      summary: `${method} ${'url' in to ? toldUrl(to.url) : to.to}`,
      reverse: 'nothing that Astern knows of: what the call did is its receiver’s',
      uid: workload.uid,
      write: {
        kind: 'http',
        request: { ...to, method, ...(body === undefined ? {} : { body: body.text }) },
        options: { ...requestOptions(options), ...(expect === undefined ? {} : { expect }) }
      },
      from: workload.identity,
      to: workload.identity,
      bad: [],
      facts: { expect: expect ?? '200 to 299' }
    })
  }
}

function addressee(
  { url, urlFile }: Options,
  values: StepValues
): Refused | (Pick<HttpCall, 'to'> & ({ url: string } | { urlFile: string })) {
  if (urlFile !== undefined) return { to: `the URL in ${urlFile}`, urlFile }
  const rendered = stepUrl(url ?? '', values, undefined)
  return 'refusal' in rendered ? rendered : { to: new URL(rendered.url).host, url: rendered.url }
}

/** The call with its URL, which may stand in a file; a sentence where it cannot be read, or is none. */
function withUrl(needs: RequestNeeds, request: HttpWrite['request']): SentCall | string {
  if ('url' in request) return request
  const { urlFile, ...rest } = request
  try {
    const url = RedactedUrl.inFile(needs.readFile(urlFile), urlFile)
    return /^https?:$/.test(new URL(url.reveal()).protocol) ? { ...rest, url } : `${url.told} must begin with https:// or http://`
  } catch (cause) {
    const unread = cause instanceof Error && 'syscall' in cause
    return unread ? `the file with the URL cannot be read: ${cause.message}` : `what is in ${urlFile} is not a URL`
  }
}

async function call(needs: RequestNeeds, intent: WriteIntent<HttpWrite>, now: () => number, signal: AbortSignal): Promise<WriteResult> {
  const { request, options } = intent.plan.write
  const prepared = prepareSending(needs, options, { 'idempotency-key': intent.id })
  if (prepared.kind === 'failed') return { kind: 'refused', detail: prepared.detail }
  const called = withUrl(needs, request)
  if (typeof called === 'string') return { kind: 'refused', detail: called }
  const answer = await needs.http.send(called, prepared.sending, signal)
  if (answer.kind === 'failed') return answer.sent ? { kind: 'unknown', detail: answer.detail } : { kind: 'refused', detail: answer.detail }
  const detail = `${request.to} answered ${answer.status}`
  const done = options.expect?.includes(answer.status) ?? (answer.status >= 200 && answer.status < 300)
  if (done) return appliedWith(detail, now())
  return { kind: answer.status >= 500 ? 'unknown' : 'refused', detail }
}
