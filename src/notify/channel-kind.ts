import type { Static, TObject } from 'typebox'
import { Check } from 'typebox/value'
import type { Clock } from '../base/clock.ts'
import type { Channel, MessageEvent } from '../domain/message.ts'
import type { Kube } from '../domain/ports/kube.ts'
import type { HttpClient } from '../outgoing/http-client.ts'
import type { SendMail, VerifyServer } from './email/smtp.ts'
import type { Origin } from './facts.ts'
import type { Probe } from './probe.ts'

/** What channels reach the world through. */
export interface ChannelTools {
  readonly http: Pick<HttpClient, 'request'>
  readonly kube: Pick<Kube, 'get' | 'post'>
  readonly mail: SendMail
  /** Connects to a mail server and logs in, and sends nothing. */
  readonly mailCheck: VerifyServer
  /** Writes one line of Astern's own log. */
  readonly line: (fields: Readonly<Record<string, unknown>>, text: string) => void
  readonly clock: Clock
  /** Reads a file that the settings name, because secrets are never in a policy. Trims the text; rejects where it cannot be read. */
  readonly readFile: (path: string) => Promise<string>
  /** The name of this host or pod, as the sender of messages. */
  readonly instance: string
  /** Whose messages these are, and where more can be read. */
  readonly origin?: Origin
}

/** What is wrong in settings that keep their schema, and where. */
export interface SettingsFault {
  readonly path: readonly string[]
  readonly message: string
}

/** A channel that is open: how it sends, and how it is looked at without sending. */
export type Opened = Pick<Channel, 'send'> & { readonly probe: Probe }

/** A channel that can be looked at. */
export type ProbedChannel = Channel & Opened

/** A kind of channel as its folder defines it. */
interface ChannelDefinition<Settings extends TObject> {
  /** The key of its settings in a policy file. For a standing channel it is also the channel's name. */
  readonly name: string
  /** True for a channel that needs no configuration. It has the name of its kind, which no policy file may give to another. */
  readonly standing?: true
  /** The events whose messages its channels get. */
  readonly takes: readonly MessageEvent[]
  /** The events whose messages they get only where they were told of the affair before. Default: none. */
  readonly follows?: readonly MessageEvent[]
  /** The events whose messages are no part of the conversation about an affair. They hold up no other message. Default: none. */
  readonly apart?: readonly MessageEvent[]
  readonly settings: Settings
  /** Checks what no schema can say. */
  readonly check?: (settings: Static<Settings>) => readonly SettingsFault[]
  readonly open: (settings: Static<Settings>, tools: ChannelTools) => Opened
}

/** A kind of channel in the registry. The type of its settings is not known there until they are checked. */
export interface ChannelKind {
  readonly name: string
  readonly standing?: true
  readonly takes: readonly MessageEvent[]
  readonly follows: readonly MessageEvent[]
  readonly settings: TObject
  /** Says what is wrong in settings that keep the schema. */
  check(settings: unknown): readonly SettingsFault[]
  /** @throws for settings that do not keep the schema: they were not checked at load. */
  open(settings: unknown, tools: ChannelTools): ProbedChannel
}

/** Makes a kind fit for the registry. Its schema checks settings before the kind's own code gets them. */
export function channelKind<Settings extends TObject>(definition: ChannelDefinition<Settings>): ChannelKind {
  const { name, standing, takes, follows = [], apart = [], settings: schema, check, open } = definition
  return {
    name,
    ...(standing === undefined ? {} : { standing }),
    takes,
    follows,
    settings: schema,
    check: settings => (check !== undefined && Check(schema, settings) ? check(settings) : []),
    open(settings, tools) {
      if (!Check(schema, settings)) throw new Error(`the settings of a ${name} channel were not checked at load`)
      return { takes, follows, apart, ...open(settings, tools) }
    }
  }
}
