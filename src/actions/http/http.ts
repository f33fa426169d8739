import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { type Action, type PlanInput, type PlanResult, type Tools, templateStands } from '../../domain/action.ts'
import { TARGET_KINDS } from '../../domain/objects.ts'
import { type HttpWrite, hashPlan, type Plan } from '../../domain/plan.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import { jsonTemplateError, renderJson } from '../../templates/json.ts'
import { renderRefusal } from '../../templates/template.ts'
import { namesPod, REQUEST_FIELDS, sendOptions, stepUrl, toldUrl, urlError } from '../step-request.ts'

/** `with:` of `http`. */
export const HttpWith = Type.Object(
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

/** What is wrong in `with:` beyond its schema. */
export function checkHttp(value: unknown): string | undefined {
  if (!Check(HttpWith, value)) return undefined
  if (namesPod(value.url)) return 'url: {{ pod.ip }} is for circuit-breaker-reset; http calls one host that the policy names'
  return urlError(value.url) ?? jsonTemplateError(value.body)
}

/** One call to something outside the cluster's API. It has no precondition, so it is sent once, and never again. */
export const http = {
  name: 'http',
  title: 'Call one URL, once, with an idempotency key.',
  kinds: TARGET_KINDS,
  blames: 'nothing',
  overridesOwner: false,
  cures: true,
  rights: () => [],
  plan,
  apply,
  // Nobody can ask the other side whether it came; and what may have come is not sent twice (rules 3).
  effect: () => 'unclear',
  stands: templateStands,
  watch: async () => ({ state: 'complete', detail: 'the call was answered' })
} satisfies Action

function plan(input: PlanInput): PlanResult {
  const { workload, values } = input
  const options = optionsOf(input.with)
  const url = stepUrl(options.url, values, undefined)
  if ('refusal' in url) return { kind: 'refused', refusal: url.refusal }
  const body = options.body === undefined ? undefined : renderJson(options.body, values)
  if (body !== undefined && body.kind !== 'text') return { kind: 'refused', refusal: renderRefusal(body) }
  const method = options.method ?? 'POST'
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
        requests: [{ to: new URL(url.url).host, method, url: url.url, ...(body === undefined ? {} : { body: body.text }) }],
        options: sent(options)
      },
      from: workload.identity,
      to: workload.identity,
      bad: [],
      facts: { expect: options.expect ?? '200 to 299' }
    })
  }
}

function sent({ headersFromFiles, timeout, expect }: Options): HttpWrite['options'] {
  return {
    ...(headersFromFiles === undefined ? {} : { headersFromFiles }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(expect === undefined ? {} : { expect })
  }
}

function optionsOf(value: unknown): Options {
  if (!Check(HttpWith, value)) throw new Error('the step was not checked at load')
  return value
}

async function apply(
  tools: Tools,
  made: Plan,
  { intent, dryRun }: { readonly intent: string; readonly dryRun: boolean },
  signal: AbortSignal
): Promise<WriteResult> {
  if (made.write.kind !== 'http') throw new Error('this plan calls nobody')
  const { requests, options } = made.write
  const [call] = requests
  if (call === undefined) throw new Error('this plan has no request')
  if (dryRun) return { kind: 'applied', generation: 0, at: tools.clock.now(), detail: 'not sent: a call has no dry run' }
  let prepared: ReturnType<typeof sendOptions>
  try {
    prepared = sendOptions(tools, options, { 'idempotency-key': intent })
  } catch (cause) {
    return { kind: 'refused', detail: `a header’s file cannot be read: ${cause instanceof Error ? cause.message : String(cause)}` }
  }
  const answer = await tools.http.send(call, prepared, signal)
  if (answer.kind === 'failed') return answer.sent ? { kind: 'unknown', detail: answer.detail } : { kind: 'refused', detail: answer.detail }
  const done = options.expect?.includes(answer.status) ?? (answer.status >= 200 && answer.status < 300)
  if (done) return { kind: 'applied', generation: 0, at: tools.clock.now(), detail: `${call.to} answered ${answer.status}` }
  return { kind: answer.status >= 500 ? 'unknown' : 'refused', detail: `${call.to} answered ${answer.status}` }
}
