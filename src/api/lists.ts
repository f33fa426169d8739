import { Readable } from 'node:stream'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import type { Role } from '../domain/credential.ts'
import { OUTCOMES, type Outcome } from '../domain/outcomes.ts'
import type { AuditFilter, RunFilter } from '../domain/ports/ledger.ts'
import { RUN_KINDS, RUN_STATES } from '../domain/run.ts'
import { incidentOf } from '../domain/trigger.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { AS_IT_IS, AuditPageSchema, answering, RunPageSchema, RunWithTimelineSchema, SHARED } from './answers.ts'
import { auditView } from './audit-view.ts'
import type { Operations } from './operations.ts'
import { AuditQuerySchema, IdSchema, RunsQuerySchema } from './schemas.ts'
import { runView } from './views.ts'

const DEFAULT_LIMIT = 50
/** Rows of one run that its timeline shows; a run writes some twenty. */
const TIMELINE_ROWS = 1_000

/** Lists and single things: runs with their timelines, and the audit log. */
export function registerLists(
  instance: FastifyInstance,
  { operations, allow }: { readonly operations: Operations; readonly allow: (role: Role) => (request: FastifyRequest) => Promise<void> }
): void {
  const server = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { ledger } = operations
  for (const schema of SHARED) server.addSchema(schema)

  server.get(
    '/api/v1/runs',
    {
      onRequest: allow('viewer'),
      ...AS_IT_IS,
      schema: {
        querystring: RunsQuerySchema,
        ...answering('Newest first; NDJSON with `Accept: application/x-ndjson`.', ['runs'], RunPageSchema)
      }
    },
    async (request, reply) => {
      const filter = toRunFilter(request.query)
      if (wantsNdjson(request)) return ndjson(reply, everyRun(operations, filter))
      const page = await ledger.runs(filter, request.query.cursor, Number(request.query.limit ?? DEFAULT_LIMIT))
      return { items: page.items.map(runView), ...(page.next === undefined ? {} : { next: page.next }) }
    }
  )

  server.get(
    '/api/v1/runs/:id',
    {
      onRequest: allow('viewer'),
      ...AS_IT_IS,
      schema: { params: IdSchema, ...answering('One run with its timeline.', ['runs'], RunWithTimelineSchema) }
    },
    async request => {
      const run = await ledger.run(request.params.id)
      if (run === undefined) throw new HttpProblem(404, 'No such run', `there is no run ${request.params.id}`)
      const incident = incidentOf(run.trigger)
      const about = { runId: run.id, ...(incident === undefined ? {} : { incidentId: incident.id }) }
      const rows = await ledger.audit(about, TIMELINE_ROWS)
      return { ...runView(run), timeline: rows.map(auditView) }
    }
  )

  server.get(
    '/api/v1/audit',
    {
      onRequest: allow('viewer'),
      ...AS_IT_IS,
      schema: {
        querystring: AuditQuerySchema,
        ...answering('The audit log, oldest first; NDJSON with `Accept: application/x-ndjson`.', ['audit'], AuditPageSchema)
      }
    },
    async (request, reply) => {
      const filter: AuditFilter = {
        ...(request.query.run === undefined ? {} : { runId: request.query.run }),
        ...(request.query.incident === undefined ? {} : { incidentId: request.query.incident })
      }
      const after = Number(request.query.cursor ?? 0)
      if (wantsNdjson(request)) return ndjson(reply, everyRow(operations, filter, after))
      const limit = Number(request.query.limit ?? DEFAULT_LIMIT)
      const rows = await ledger.audit({ ...filter, after }, limit + 1)
      const page = rows.slice(0, limit)
      const last = page.at(-1)
      return { items: page.map(auditView), ...(rows.length > limit && last !== undefined ? { next: String(last.seq) } : {}) }
    }
  )
}

function toRunFilter(query: Static<typeof RunsQuerySchema>): RunFilter {
  const state = RUN_STATES.find(known => known === query.state)
  const kind = RUN_KINDS.find(known => known === query.kind)
  const outcome = isOutcome(query.outcome) ? query.outcome : undefined
  return {
    ...(state === undefined ? {} : { state }),
    ...(kind === undefined ? {} : { kind }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(query.policy === undefined ? {} : { policy: query.policy }),
    ...(query.target === undefined ? {} : { target: query.target }),
    ...(query.incident === undefined ? {} : { incident: query.incident })
  }
}

function isOutcome(value: string | undefined): value is Outcome {
  return value !== undefined && Object.hasOwn(OUTCOMES, value)
}

function wantsNdjson(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes('application/x-ndjson')
}

function ndjson(reply: FastifyReply, lines: AsyncIterable<unknown>): FastifyReply {
  async function* text(): AsyncGenerator<string> {
    for await (const line of lines) yield `${JSON.stringify(line)}\n`
  }
  return reply.type('application/x-ndjson').send(Readable.from(text()))
}

async function* everyRun(operations: Operations, filter: RunFilter): AsyncGenerator<unknown> {
  let cursor: string | undefined
  do {
    const page = await operations.ledger.runs(filter, cursor, 200)
    for (const run of page.items) yield runView(run)
    cursor = page.next
  } while (cursor !== undefined)
}

async function* everyRow(operations: Operations, filter: AuditFilter, from: number): AsyncGenerator<unknown> {
  let after = from
  for (;;) {
    const rows = await operations.ledger.audit({ ...filter, after }, 500)
    for (const row of rows) yield auditView(row)
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.seq
  }
}
