import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, preHandlerAsyncHookHandler } from 'fastify'
import { type Static, Type } from 'typebox'
import { DAY, MINUTE } from '../base/clock.ts'
import { audited } from '../domain/audited.ts'
import { type Credential, mayActIn } from '../domain/credential.ts'
import { TARGET_KINDS, targetKey } from '../domain/objects.ts'
import { releaseKey } from '../domain/owner.ts'
import { callerOf } from '../http/callers.ts'
import { HttpProblem } from '../http/http-problem.ts'
import type { Operations } from './operations.ts'
import { TargetSchema } from './schemas.ts'

const short = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 200, description }))

const DeploymentSchema = Type.Object(
  {
    target: Type.Optional(TargetSchema),
    release: Type.Optional(
      Type.Object(
        { namespace: Type.String({ minLength: 1, maxLength: 63 }), name: Type.String({ minLength: 1, maxLength: 53 }) },
        { additionalProperties: false, description: 'A Helm release, instead of one workload.' }
      )
    ),
    version: Type.String({ minLength: 1, maxLength: 200 }),
    at: Type.Optional(
      Type.String({ description: 'When it was deployed, RFC 3339. Only shown: decisions count from when the marker came in.' })
    ),
    id: short('The pipeline’s own name of this deployment: sent twice it is told once.'),
    commit: short('The commit.'),
    author: short('Who wrote it.'),
    url: short('Where the pipeline, or the change, can be looked at.')
  },
  { additionalProperties: false }
)

/** What CI tells of a deployment: evidence of who changed what, and a witness of when. */
export function registerDeployments(
  instance: FastifyInstance,
  { operations, onRequest }: { readonly operations: Operations; readonly onRequest: preHandlerAsyncHookHandler }
): void {
  instance
    .withTypeProvider<TypeBoxTypeProvider>()
    .post(
      '/api/v1/deployments',
      { onRequest, schema: { body: DeploymentSchema, tags: ['deployments'], summary: 'A deploy marker from CI.' } },
      async (request, reply) => {
        const { body } = request
        const now = operations.now()
        const caller = callerOf(request)
        const by = caller.name
        const of = ofKey(body)
        checkNamespace(caller, body)
        const saidAt = instantOf(body, now)
        const url = body.url === undefined ? undefined : urlOf(body.url)
        const marker = {
          // Of this credential: another pipeline may number its deployments alike.
          id: body.id === undefined ? operations.nextId() : `${by}/${of}/${body.id}`,
          at: now,
          ...(saidAt === undefined ? {} : { saidAt }),
          version: body.version,
          by,
          ...(body.commit === undefined ? {} : { commit: body.commit }),
          ...(body.author === undefined ? {} : { author: body.author }),
          ...(url === undefined ? {} : { url })
        }
        await operations.ledger.recordMarker({ ...marker, of }, [audited.deployMarker({ at: now }, { of, ...marker })])
        return reply.code(201).send({ id: marker.id, of, at: new Date(now).toISOString() })
      }
    )
}

/** A marker is a witness of a change: a pipeline of one team must not give witness about another's. @throws HttpProblem 403 */
function checkNamespace(caller: Credential, { target, release }: Static<typeof DeploymentSchema>): void {
  const namespace = (target ?? release)?.namespace ?? ''
  if (mayActIn(caller, namespace)) return
  throw new HttpProblem(
    403,
    'Not allowed',
    `${caller.name} may not tell of deployments in ${namespace}: its token names ${caller.namespaces?.join(', ')}`
  )
}

function bad(detail: string): HttpProblem {
  return new HttpProblem(400, 'Bad request', detail)
}

function ofKey({ target, release }: Static<typeof DeploymentSchema>): string {
  if (target !== undefined && release === undefined) {
    const kind = TARGET_KINDS.find(known => known === target.kind)
    if (kind === undefined) throw bad(`target.kind must be one of ${TARGET_KINDS.join(', ')}`)
    return targetKey({ kind, namespace: target.namespace, name: target.name })
  }
  if (release !== undefined && target === undefined) return releaseKey(release)
  throw bad('the body names "target" or "release", and not both')
}

function instantOf({ at }: Static<typeof DeploymentSchema>, now: number): number | undefined {
  if (at === undefined) return undefined
  const instant = Date.parse(at)
  if (Number.isNaN(instant)) throw bad('at must be a time in RFC 3339')
  if (instant > now + MINUTE) throw bad('at lies in the future: a marker is sent when something was deployed')
  if (instant < now - DAY) throw bad('at lies more than a day back: decisions look no further')
  return instant
}

function urlOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) throw bad('url must be an http or https URL')
  return text
}
