import type { Static, TObject } from 'typebox'
import { Check } from 'typebox/value'
import type { Clock } from '../base/clock.ts'
import type { Channel, MessageEvent } from '../domain/message.ts'
import type { Kube } from '../domain/ports/kube.ts'
import type { HttpClient } from '../outgoing/http-client.ts'

/** What channels reach the world through. */
export interface ChannelTools {
  readonly http: Pick<HttpClient, 'request'>
  readonly kube: Pick<Kube, 'get' | 'post'>
  readonly clock: Clock
  /** The text of a file that the settings name, without the space around it; rejects where it cannot be read. A secret is never in a policy. */
  readonly readFile: (path: string) => Promise<string>
  /** Who tells: the name of this host or pod. */
  readonly instance: string
}

/** What is wrong in settings that keep their schema, and where in them. */
export interface SettingsFault {
  readonly path: readonly string[]
  readonly message: string
}

/** A kind of channel as its folder defines it. */
interface ChannelDefinition<Settings extends TObject> {
  /** The key of its settings in a policy file; a standing channel goes by it. */
  readonly name: string
  /** True for a channel that is there without being configured: it has this kind's name, which no policy file may give to another. */
  readonly standing?: true
  /** Events that its channels are given messages of. */
  readonly takes: readonly MessageEvent[]
  readonly settings: Settings
  /** What no schema can say. */
  readonly check?: (settings: Static<Settings>) => readonly SettingsFault[]
  readonly open: (settings: Static<Settings>, tools: ChannelTools) => Pick<Channel, 'send'>
}

/** A kind of channel among others: its settings are unknown until they are checked. */
export interface ChannelKind {
  readonly name: string
  readonly standing?: true
  readonly takes: readonly MessageEvent[]
  readonly settings: TObject
  /** What is wrong in settings that keep the schema. */
  check(settings: unknown): readonly SettingsFault[]
  /** @throws for settings that do not keep the schema: they were not checked at load. */
  open(settings: unknown, tools: ChannelTools): Channel
}

/** Makes a kind for the registry: what its folder says of its own settings, guarded by their schema. */
export function channelKind<Settings extends TObject>(definition: ChannelDefinition<Settings>): ChannelKind {
  const { name, standing, takes, settings: schema, check, open } = definition
  return {
    name,
    ...(standing === undefined ? {} : { standing }),
    takes,
    settings: schema,
    check: settings => (check !== undefined && Check(schema, settings) ? check(settings) : []),
    open(settings, tools) {
      if (!Check(schema, settings)) throw new Error(`the settings of a ${name} channel were not checked at load`)
      return { takes, ...open(settings, tools) }
    }
  }
}
