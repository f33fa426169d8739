import type { Message, MessageEvent } from './message.ts'
import type { Channels } from './ports/channels.ts'

/** The messages for those of the channels that are given the event. Some get it only where they were told of the affair before. */
export function recipients(
  channels: Channels,
  names: readonly string[],
  event: MessageEvent,
  make: (channel: string) => Message
): Message[] {
  return names.flatMap((channel): Message[] => {
    const apart = channels.apart?.(channel, event) === true ? ({ apart: true } as const) : {}
    if (channels.takes(channel, event)) return [{ ...make(channel), ...apart }]
    return channels.follows(channel, event) ? [{ ...make(channel), onlyWhereTold: true }] : []
  })
}
