import { createHmac } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { RedactedUrl } from '../../base/redacted-url.ts'
import { MESSAGE_EVENTS, type Message, sendingKey } from '../../domain/message.ts'
import { retryAfterOf } from '../answers.ts'
import { type ChannelTools, channelKind, type Opened, type SettingsFault } from '../channel-kind.ts'
import { secureFault, secureUrlFault } from '../channel-url.ts'
import { byLabel, factsOf, type Origin } from '../facts.ts'
import { reachable, reachableInFile } from '../probe.ts'
import { bodyFault, renderBody } from './body.ts'

const Settings = Type.Object(
  {
    url: Type.Optional(Type.String({ minLength: 1, description: 'https, or http on loopback.' })),
    urlFile: Type.Optional(Type.String({ minLength: 1, description: 'File with the URL.' })),
    secretFile: Type.Optional(
      Type.String({ minLength: 1, description: 'File with a key: the body is then signed (X-Astern-Signature, HMAC-SHA256).' })
    ),
    bearerTokenFile: Type.Optional(Type.String({ minLength: 1, description: 'File with a bearer token.' })),
    body: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'The JSON that is sent in place of the message; its texts may have holes such as {{ title }} and {{ labels.team }}.'
      })
    )
  },
  { additionalProperties: false }
)

const DEADLINE_MS = 10_000

/**
 * Posts the message as JSON. `Idempotency-Key` is the message's key: the same key is the same message. With a secret the
 * body is signed: `X-Astern-Signature: v1=` hex of HMAC-SHA256 over `<timestamp>.<body>`, `X-Astern-Timestamp` in seconds.
 */
export const webhook = channelKind({ name: 'webhook', takes: MESSAGE_EVENTS, settings: Settings, check, open })

function check({ url, urlFile, body }: Static<typeof Settings>): readonly SettingsFault[] {
  if ((url === undefined) === (urlFile === undefined)) return [{ path: [], message: 'needs url or urlFile, and not both' }]
  const message = url === undefined ? undefined : secureUrlFault(url)
  if (message !== undefined) return [{ path: ['url'], message }]
  const fault = bodyFault(body)
  return fault === undefined ? [] : [{ path: ['body'], message: fault }]
}

function open(settings: Static<typeof Settings>, { http, clock, readFile, origin }: ChannelTools): Opened {
  const { url, urlFile, secretFile, bearerTokenFile, body: template } = settings
  return {
    async probe(signal) {
      for (const file of [secretFile, bearerTokenFile]) if (file !== undefined) await readFile(file)
      return urlFile === undefined ? reachable(http, url ?? '', signal) : reachableInFile({ http, readFile }, urlFile, signal)
    },

    async send(message, { revision }, signal) {
      const to = urlFile === undefined ? RedactedUrl.written(url ?? '') : RedactedUrl.inFile(await readFile(urlFile), urlFile)
      // A URL that stands in a file was not checked at load.
      if (secureFault(to.reveal()) !== undefined)
        return { kind: 'refused', detail: 'the channel’s URL must be https (http only on loopback)' }
      const body = template === undefined ? wholeMessage(message, revision, origin) : renderBody(template, message, origin)
      const token = bearerTokenFile === undefined ? undefined : await readFile(bearerTokenFile)
      const timestamp = Math.floor(clock.now() / 1_000).toString()
      const secret = secretFile === undefined ? undefined : await readFile(secretFile)
      const signature = secret === undefined ? undefined : createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
      const result = await http.request(
        {
          method: 'POST',
          url: to,
          headers: {
            'content-type': 'application/json',
            'idempotency-key': sendingKey(message, { revision }),
            'x-astern-timestamp': timestamp,
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(signature === undefined ? {} : { 'x-astern-signature': `v1=${signature}` })
          },
          body,
          deadlineMs: DEADLINE_MS
        },
        signal
      )
      if (result.kind === 'failed') return { kind: 'failed', detail: result.detail }
      if (result.status >= 200 && result.status < 300) return { kind: 'delivered' }
      // The other side may mend a 4xx (a rotated credential, a deploy). So it is tried again with back-off, like every failure.
      const retryAfterMs = retryAfterOf(result, clock.now())
      return { kind: 'failed', detail: `answered ${result.status}`, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
    }
  }
}

/** The message as it is, and beside it what is told of it everywhere. */
function wholeMessage(message: Message, revision: number, origin: Origin | undefined): string {
  const { lines, links } = factsOf(message, origin)
  const { clusterName } = origin ?? {}
  return JSON.stringify({ version: 1, ...message, revision, clusterName, facts: byLabel(lines), links })
}
