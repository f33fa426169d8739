import type { FastifyInstance } from 'fastify'
import type { Operations } from './operations.ts'

/** What needs no token: it tells nothing that is secret. */
export function registerOpenRoutes(server: FastifyInstance, operations: Operations, openapi: () => unknown): void {
  server.get('/healthz', { schema: { tags: ['health'], summary: 'The process runs.' } }, async () => ({ status: 'ok' }))
  server.get(
    '/readyz',
    {
      schema: { tags: ['health'], summary: 'The ledger takes writes and policies are loaded. A source that is away does not stop intake.' }
    },
    async (_request, reply) => {
      const { ready, detail } = await operations.ready()
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', detail })
    }
  )
  server.get('/metrics', { schema: { tags: ['health'], summary: 'Prometheus’ text format.' } }, async (_request, reply) => {
    const { type, text } = await operations.metrics()
    return reply.type(type).send(text)
  })
  server.get('/openapi.json', { schema: { hide: true } }, async () => openapi())
}
