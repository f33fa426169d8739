import { Type } from 'typebox'
import { MESSAGE_EVENTS } from '../../domain/message.ts'
import { channelKind } from '../channel-kind.ts'
import { byLabel, factsOf } from '../facts.ts'

/** Writes each message as one line of Astern's own log, for those who collect logs. It calls nobody. */
export const log = channelKind({
  name: 'log',
  takes: MESSAGE_EVENTS,
  settings: Type.Object(
    {},
    { additionalProperties: false, description: 'One line of Astern’s own log for each message. It calls nobody.' }
  ),
  open: (_settings, { line, origin }) => ({
    probe: async () => ({ kind: 'good', detail: 'writes to Astern’s own log, and calls nobody' }),
    async send(message, { revision }) {
      const { title, text, lines, links } = factsOf(message, origin)
      const { key, channel, subject, event, severity } = message
      line({ key, revision, channel, subject, event, severity, text, facts: byLabel(lines), links }, title)
      return { kind: 'delivered' }
    }
  })
})
