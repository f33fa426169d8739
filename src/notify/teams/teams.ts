import { type Static, Type } from 'typebox'
import { RedactedUrl } from '../../base/redacted-url.ts'
import { MESSAGE_EVENTS } from '../../domain/message.ts'
import { failedFor, toldAnswer } from '../answers.ts'
import { type ChannelTools, channelKind, type Opened } from '../channel-kind.ts'
import { secureFault } from '../channel-url.ts'
import { factsOf } from '../facts.ts'
import { reachableInFile } from '../probe.ts'
import { teamsMessage } from './card.ts'

const Settings = Type.Object(
  { urlFile: Type.String({ minLength: 1, description: 'File with the URL of a workflow that posts what it gets (Workflows app).' }) },
  { additionalProperties: false }
)

const DEADLINE_MS = 10_000

/**
 * Posts adaptive cards to a workflow of Microsoft Teams, each for itself: a card that was posted cannot be changed. 202 says that the
 * workflow began, and not that the card arrived: only Teams shows that.
 */
export const teams = channelKind({ name: 'teams', takes: MESSAGE_EVENTS, settings: Settings, open })

function open({ urlFile }: Static<typeof Settings>, { http, clock, readFile, origin }: ChannelTools): Opened {
  return {
    probe: signal => reachableInFile({ http, readFile }, urlFile, signal),

    async send(message, _sending, signal) {
      if (message.event === 'update') return { kind: 'delivered' }
      // The query holds the signature, so that it goes out byte for byte.
      const url = RedactedUrl.inFile(await readFile(urlFile), urlFile)
      if (secureFault(url.reveal()) !== undefined)
        return { kind: 'refused', detail: 'the channel’s URL must be https (http only on loopback)' }
      const body = JSON.stringify(teamsMessage(factsOf(message, origin), message.event))
      const headers = { 'content-type': 'application/json' }
      const result = await http.request({ method: 'POST', url, headers, body, deadlineMs: DEADLINE_MS }, signal)
      if (result.kind === 'failed') return { kind: 'failed', detail: result.detail }
      if (result.status >= 200 && result.status < 300) return { kind: 'delivered' }
      if (result.status === 400 || result.status === 413) return { kind: 'refused', detail: toldAnswer(result) }
      // A workflow that is switched off, or a signature that is no more: people mend that.
      return failedFor(result, clock.now())
    }
  }
}
