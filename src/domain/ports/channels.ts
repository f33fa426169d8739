import type { MessageEvent } from '../message.ts'

/** What must be known of the channels to make messages for them. */
export interface Channels {
  /** Whether the channel of this name is given messages of the event. */
  takes(channel: string, event: MessageEvent): boolean
  /** Whether it is given them where it was told of the affair before, and only there. */
  follows(channel: string, event: MessageEvent): boolean
  /** Whether they are no part of its conversation there. Default: they are. */
  apart?(channel: string, event: MessageEvent): boolean
  /** The channels that get a message of each run that ends with a target, whatever its policy says. */
  readonly standing: readonly string[]
}
