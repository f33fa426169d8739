import type { MessageEvent } from '../message.ts'

/** The ways to people, as far as messages are made for them. */
export interface Channels {
  /** Whether the channel of this name is given messages of the event. */
  takes(channel: string, event: MessageEvent): boolean
  /** Channels that hear of each run that ends with a target, whatever its policy says. */
  readonly standing: readonly string[]
}
