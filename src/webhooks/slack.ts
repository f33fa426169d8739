import type { FastifyInstance } from 'fastify'
import { HttpProblem } from '../http/http-problem.ts'

/** A callback of Slack as it came in: the very bytes of its body, and what it is signed with. */
export interface SlackCallback {
  readonly channel: string
  readonly timestamp: string | undefined
  readonly signature: string | undefined
  readonly body: Uint8Array
}

/** `malformed`: no request of Slack's. `unsigned`: not signed with the channel's secret a moment ago, or used before. */
export type SlackCallbackResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'malformed' | 'unsigned' | 'foreign' | 'no-such-channel'; readonly detail: string }

/** The limit of a body, bytes. The payload holds the message with its blocks, which Slack limits to some 13,000 characters. */
const BODY_LIMIT_BYTES = 256 * 1024

/** Adds `POST /webhooks/slack/:channel`. Its caller shows by a signature who it is, and has no token. */
export function slackCallbacks(
  server: FastifyInstance,
  { take }: { readonly take: (callback: SlackCallback) => Promise<SlackCallbackResult> }
): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  server.post<{ Params: { channel: string } }>(
    '/webhooks/slack/:channel',
    {
      bodyLimit: BODY_LIMIT_BYTES,
      schema: {
        summary: 'Somebody pressed a button in Slack. Signed with the secret of the channel’s app.',
        tags: ['senders'],
        security: []
      }
    },
    async (request, reply) => {
      const result = await take({
        channel: request.params.channel,
        timestamp: only(request.raw.headersDistinct['x-slack-request-timestamp']),
        signature: only(request.raw.headersDistinct['x-slack-signature']),
        body: request.body instanceof Uint8Array ? request.body : new Uint8Array()
      }).catch((cause: unknown) => {
        // Anybody may call, so that its lines in the log must be limited, as those of refusals are. Slack tells the person that it failed.
        throw new HttpProblem(503, 'Not taken', 'nothing was stored; press again', { cause })
      })
      switch (result.kind) {
        case 'done':
          // Slack shows whatever text it gets; the message itself is changed instead.
          return reply.code(200).send()
        case 'malformed':
          throw new HttpProblem(400, 'Malformed payload', result.detail)
        case 'unsigned':
          throw new HttpProblem(401, 'Not signed by Slack', result.detail)
        case 'foreign':
          throw new HttpProblem(403, 'Not allowed', result.detail)
        case 'no-such-channel':
          throw new HttpProblem(404, 'No such channel', result.detail)
      }
    }
  )
}

/** A header that stands there once. */
function only(values: readonly string[] | undefined): string | undefined {
  return values?.length === 1 ? values[0] : undefined
}
