import type { Channel, Delivered, Message } from '../domain/message.ts'

/**
 * Sends a channel a message that says that nothing is wrong. A channel that takes no good news by itself, such as a pager, is called and
 * told the end at once.
 */
export async function sendTest(channel: Channel, name: string, id: string, signal: AbortSignal): Promise<Delivered> {
  if (channel.takes.includes('over')) return channel.send(testMessage(name, id, 'over'), { revision: 1 }, signal)
  const called = await channel.send(testMessage(name, id, 'needs-people'), { revision: 1 }, signal)
  if (called.kind !== 'delivered') return called
  const memory = called.remember === undefined ? {} : { memory: called.remember }
  return channel.send(testMessage(name, id, 'over'), { revision: 1, ...memory }, signal)
}

function testMessage(channel: string, id: string, event: 'needs-people' | 'over'): Message {
  return {
    key: `test/${id}/${channel}`,
    channel,
    subject: { kind: 'test', id },
    event,
    title: 'TEST: this is a test message of Astern',
    text: 'Nothing is wrong. Somebody wanted to know whether this channel reaches you: it does.',
    severity: 'info',
    labels: {},
    details: { outcome: 'test' }
  }
}
