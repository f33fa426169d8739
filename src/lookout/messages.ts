import { type BegunBlindness, BLIND } from '../domain/blindness.ts'
import type { Message, MessageEvent } from '../domain/message.ts'
import type { Channels } from '../domain/ports/channels.ts'
import { recipients } from '../domain/recipients.ts'

/** What people are told of a blindness when it begins, or when what is known of it changes: the same key is the same message. */
export function blindMessages(begun: BegunBlindness, channels: Channels): Message[] {
  const { title, sentence } = BLIND[begun.kind]
  return messages(begun, channels, { event: 'needs-people', title: `Astern is blind: ${title}`, text: `${sentence}\n${begun.detail}` })
}

/** What they are told when it is over. */
export function seesMessages(begun: BegunBlindness, detail: string, channels: Channels): Message[] {
  const { title } = BLIND[begun.kind]
  return messages(begun, channels, { event: 'over', title: `Astern sees again: ${title}: over`, text: detail })
}

function messages(
  { kind, id, since, channels: to }: BegunBlindness,
  channels: Channels,
  { event, title, text }: { readonly event: MessageEvent; readonly title: string; readonly text: string }
): Message[] {
  const over = event === 'over'
  return recipients(channels, to, event, channel => ({
    key: `blind/${id}/${over ? 'over' : 'begun'}/${channel}`,
    channel,
    subject: { kind: 'blind', id },
    event,
    title,
    text,
    severity: over ? 'info' : 'critical',
    labels: {},
    details: {
      outcome: over ? 'sees' : 'blind',
      blindness: kind,
      blindSince: new Date(since).toISOString(),
      ...(over ? {} : { todo: BLIND[kind].todo })
    }
  }))
}
