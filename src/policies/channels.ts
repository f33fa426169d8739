import type { ConfiguredChannel } from '../domain/message.ts'
import type { Finding, Path } from './problem.ts'
import { type ChannelSchema, configurable, type PolicyFile } from './schema.ts'

/** What the loader needs to know of a kind of channel. */
export interface LoadableChannel extends ChannelSchema {
  /** Says what is wrong in settings that keep the schema, and where. */
  check(settings: unknown): readonly { readonly path: readonly string[]; readonly message: string }[]
}

type FileChannels = PolicyFile['channels']

/** Checks what no schema can say of channels: one kind each, no name of a standing channel, and the rules of each kind. */
export function checkChannels(channels: FileChannels, kinds: readonly LoadableChannel[]): Finding[] {
  return Object.entries(channels ?? {}).flatMap(([name, channel]): Finding[] => {
    const path: Path = ['channels', name]
    if (kinds.some(kind => kind.standing === true && kind.name === name))
      return [
        { path, message: `"${name}" is a channel that Astern has by itself, and needs no settings: choose another name`, atKey: true }
      ]
    const [configured, ...more] = kindsIn(channel)
    if (configured === undefined || more.length > 0)
      return [
        {
          path,
          message: `is one of ${configurable(kinds)
            .map(kind => kind.name)
            .join(', ')}`
        }
      ]
    const faults = kinds.find(kind => kind.name === configured.kind)?.check(configured.settings) ?? []
    return faults.map(fault => ({ path: [...path, configured.kind, ...fault.path], message: fault.message }))
  })
}

/** The channels of a checked file, each with its kind. */
export function normalizeChannels(channels: FileChannels): Readonly<Record<string, ConfiguredChannel>> {
  return Object.fromEntries(
    Object.entries(channels ?? {}).map(([name, channel]) => {
      const [configured] = kindsIn(channel)
      if (configured === undefined) throw new Error(`channel ${name} was not checked at load`)
      return [name, configured]
    })
  )
}

function kindsIn(channel: NonNullable<FileChannels>[string]): readonly ConfiguredChannel[] {
  return Object.entries(channel).map(([kind, settings]) => ({ kind, settings }))
}
