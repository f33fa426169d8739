import { type Static, Type } from 'typebox'
import { jsonTemplateError } from '../../templates/json.ts'
import { namesPod, REQUEST_FIELDS, urlError } from '../step-request.ts'
import type { BreakerProtocol } from './breaker.ts'

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
export type BreakerOptions = Static<typeof CircuitBreakerResetWith>

/** What is wrong in `with:` beyond its schema. */
export function checkBreakerOptions({ url, each, generic }: BreakerOptions): string | undefined {
  if (namesPod(url) !== (each === 'pod')) return 'url: {{ pod.ip }} and each: pod go together'
  return urlError(url) ?? jsonTemplateError(generic?.body)
}

/** The protocol that the step chose. `body` is what a generic breaker is sent, with its templates filled. */
export function protocolOf({ generic }: BreakerOptions, body: string | undefined): BreakerProtocol {
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
