import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { handedText } from '../domain/hand-over.ts'
import { OUTCOMES } from '../domain/outcomes.ts'
import { callerOf } from '../http/callers.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { AS_IT_IS, answering, RunSchema } from './answers.ts'
import type { Operations } from './operations.ts'
import { HandOverSchema, IdSchema } from './schemas.ts'
import { runView } from './views.ts'

/** `POST /api/v1/runs/{id}/hand-over`: the caller has it from now on, and Astern writes nothing more for it. */
export function registerHandOver(
  instance: FastifyInstance,
  { operations, onRequest }: { readonly operations: Operations; readonly onRequest: (request: FastifyRequest) => Promise<void> }
): void {
  const server = instance.withTypeProvider<TypeBoxTypeProvider>()
  server.post(
    '/api/v1/runs/:id/hand-over',
    {
      onRequest,
      ...AS_IT_IS,
      schema: {
        params: IdSchema,
        body: HandOverSchema,
        ...answering(
          'The caller has it from now on: Astern writes nothing more for it. 409 where somebody else has it.',
          ['runs'],
          RunSchema
        )
      }
    },
    async request => {
      const { id } = request.params
      const { reason, stopWatching = false } = request.body
      const who = { by: callerOf(request).name, via: 'api' } as const
      const result = await operations.handOver({ runId: id, who, stopWatching, ...(reason === undefined ? {} : { reason }) })
      switch (result.kind) {
        case 'handed': {
          const run = await operations.ledger.run(id)
          if (run === undefined) throw new Error(`run ${id} is gone`)
          return runView(run)
        }
        case 'taken':
          throw new HttpProblem(409, 'Somebody has it', handedText(result.has), {
            more: { by: result.has.by, at: new Date(result.has.at).toISOString() }
          })
        case 'over':
          throw new HttpProblem(
            409,
            'It is over',
            `there is nothing left to hand over: ${result.outcome === undefined ? 'the alert is over' : OUTCOMES[result.outcome]}`
          )
        case 'no-such-run':
          throw new HttpProblem(404, 'No such run', `there is no live run ${id}`)
      }
    }
  )
}
