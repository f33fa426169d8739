import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type TSchema, Type } from 'typebox'
import type { Clock } from '../base/clock.ts'
import { type Credential, mayActIn, type Role } from '../domain/credential.ts'
import type { DeployGuard } from '../domain/deploy-guard.ts'
import { targetKey } from '../domain/objects.ts'
import type { DeployGuards, StartedGuard } from '../domain/ports/deploy-guards.ts'
import { callerOf } from '../http/callers.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { AS_IT_IS, answering } from './answers.ts'
import { text } from './fact-schemas.ts'
import { GuardRequestSchema, guardRequestOf } from './guard-request.ts'
import { createGuardStreams } from './guard-stream.ts'
import { GuardSchema, guardView } from './guard-view.ts'
import { IdSchema } from './schemas.ts'

export interface GuardRouteParts {
  readonly guards: DeployGuards
  readonly clock: Pick<Clock, 'sleep'>
  readonly allow: (...roles: readonly [Role, ...Role[]]) => (request: FastifyRequest) => Promise<void>
}

const DEFAULT_LIMIT = 50
/** The start reads the target and its pods; a caller waits no longer than this for it, milliseconds. */
const START_WITHIN_MS = 25_000

const LimitQuerySchema = Type.Object(
  {
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$', description: '1 to 999; default 50' }))
  },
  { additionalProperties: false }
)

const PageSchema = Type.Object({ items: Type.Array(Type.Ref('Guard#')), next: Type.Optional(text('The cursor of the next page.')) })

/** Watches over rollouts: started by CI, followed by whoever waits, stopped for all. */
export function registerGuards(instance: FastifyInstance, { guards, clock, allow }: GuardRouteParts): void {
  const server = instance.withTypeProvider<TypeBoxTypeProvider>()
  const streams = createGuardStreams(guards, clock)
  server.addSchema({ ...GuardSchema, $id: 'Guard' })
  server.addHook('preClose', async () => streams.end())

  const found = async (id: string, caller: Credential): Promise<DeployGuard> => {
    const guard = await guards.guard(id)
    if (guard === undefined) throw new HttpProblem(404, 'No such guard', `there is no guard ${id}`)
    if (!mayActIn(caller, guard.target.namespace)) throw notAllowed(caller, 'see or stop this guard')
    return guard
  }

  server.post(
    '/api/v1/guards',
    {
      onRequest: allow('deployer'),
      ...AS_IT_IS,
      schema: {
        body: GuardRequestSchema,
        tags: ['guards'],
        summary: 'Watches a rollout, or attaches to the guard that watches it already (200). 409: with other options.',
        response: documented({ 201: Type.Ref('Guard#'), 200: Type.Ref('Guard#') })
      }
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { namespace } = request.body.target
      if (!mayActIn(caller, namespace)) throw notAllowed(caller, `start guards in ${namespace}`)
      const asked = guardRequestOf(request.body, caller.name)
      const started = await guards.start(asked, AbortSignal.timeout(START_WITHIN_MS))
      if ('differs' in started || 'why' in started) throw problemOf(started)
      return reply
        .code(started.kind === 'started' ? 201 : 200)
        .header('location', `/api/v1/guards/${started.guard.id}`)
        .send(guardView(started.guard))
    }
  )

  server.get(
    '/api/v1/guards',
    {
      onRequest: allow('viewer'),
      ...AS_IT_IS,
      schema: { querystring: LimitQuerySchema, ...answering('Newest first.', ['guards'], PageSchema) }
    },
    async request => {
      const limit = Number(request.query.limit ?? DEFAULT_LIMIT)
      const { cursor } = request.query
      const list = await guards.guards({ limit: limit + 1, ...(cursor === undefined ? {} : { before: cursor }) })
      const page = list.slice(0, limit)
      const last = page.at(-1)
      return { items: page.map(guardView), ...(list.length > limit && last !== undefined ? { next: last.id } : {}) }
    }
  )

  server.get(
    '/api/v1/guards/:id',
    {
      onRequest: allow('viewer', 'deployer'),
      ...AS_IT_IS,
      schema: {
        params: IdSchema,
        ...answering(
          'One guard. With `Accept: text/event-stream`: the whole guard at each change, until it has ended.',
          ['guards'],
          Type.Ref('Guard#')
        )
      }
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const guard = await found(request.params.id, caller)
      if (request.method === 'HEAD' || !(request.headers.accept ?? '').includes('text/event-stream')) return guardView(guard)
      return streams.send(reply, { guard, caller: caller.name })
    }
  )

  server.delete(
    '/api/v1/guards/:id',
    {
      onRequest: allow('deployer'),
      ...AS_IT_IS,
      schema: {
        params: IdSchema,
        ...answering('Stops it for all who wait for it. A run that it began goes on.', ['guards'], Type.Ref('Guard#'))
      }
    },
    async request => {
      const caller = callerOf(request)
      const guard = await found(request.params.id, caller)
      return guardView((await guards.stop(guard.id, caller.name)) ?? guard)
    }
  )
}

/** Answers go out as they are, and are only told of in `/openapi.json`. */
function documented(schemas: Readonly<Record<number, TSchema>>) {
  return Object.fromEntries(Object.entries(schemas).map(([status, schema]) => [status, Type.Unsafe<unknown>(schema)]))
}

function notAllowed(caller: Credential, what: string): HttpProblem {
  return new HttpProblem(403, 'Not allowed', `${caller.name} may not ${what}: its token names ${caller.namespaces?.join(', ')}`)
}

type NotStarted = Extract<StartedGuard, { readonly kind: 'other-options' | 'refused' }>

function problemOf(started: NotStarted): HttpProblem {
  if (started.kind === 'other-options')
    return new HttpProblem(
      409,
      'Other options',
      `guard ${started.guard.id} watches this version of ${targetKey(started.guard.target)} already, with other options: ${started.differs.join(', ')}`,
      { more: { guard: started.guard.id, differs: started.differs } }
    )
  const { why, detail } = started
  switch (why) {
    case 'not-found':
      return new HttpProblem(404, 'No such target', detail)
    case 'not-allowed':
      return new HttpProblem(403, 'Not allowed', detail)
    case 'invalid':
      return new HttpProblem(422, 'Not a guard', detail)
    case 'unreachable':
      return new HttpProblem(503, 'The cluster cannot be reached', detail)
  }
}
