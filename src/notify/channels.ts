import type { Channel, ConfiguredChannel, Fallback } from '../domain/message.ts'
import type { Channels } from '../domain/ports/channels.ts'
import type { ChannelKind, ChannelTools, ProbedChannel } from './channel-kind.ts'

/** Channels as a policy file has them, by name. */
export type ConfiguredChannels = Readonly<Record<string, ConfiguredChannel>>

/** The channels in force: the standing ones, and those that the policies configure. */
export interface ChannelStore extends Channels {
  channel(name: string): Channel | undefined
  /** The names of those that are given what has changed of what they were told. */
  updated(): readonly string[]
  /** Which channel gets a call for people in place of another, and when, by the other’s name. */
  fallbacks(): ReadonlyMap<string, Fallback>
  /** Replaces the configured channels by those that the policies configure now. */
  follow(configured: ConfiguredChannels): void
}

/** Makes the standing channels; those of the policies come with `follow`. */
export function createChannels(kinds: readonly ChannelKind[], tools: ChannelTools): ChannelStore {
  const standing = new Map(kinds.filter(kind => kind.standing === true).map(kind => [kind.name, kind.open({}, tools)]))
  let configured: ReadonlyMap<string, Channel> = new Map()
  let fallbacks: ReadonlyMap<string, Fallback> = new Map()
  const channel = (name: string): Channel | undefined => standing.get(name) ?? configured.get(name)
  return {
    standing: [...standing.keys()],
    channel,
    takes(name, event) {
      // A run may name a channel that a reload removed. A call for people then waits until it is back, but good news is dropped.
      return channel(name)?.takes.includes(event) ?? (event === 'needs-people' || event === 'approval')
    },
    follows: (name, event) => channel(name)?.follows.includes(event) ?? false,
    apart: (name, event) => channel(name)?.apart?.includes(event) ?? false,
    updated: () => [...standing.keys(), ...configured.keys()].filter(name => channel(name)?.takes.includes('update')),
    fallbacks: () => fallbacks,
    follow(next) {
      configured = openChannels(kinds, next, tools)
      fallbacks = new Map(Object.entries(next).flatMap(([name, { fallback }]) => (fallback === undefined ? [] : [[name, fallback]])))
    }
  }
}

/** Makes each channel that the policies configure. @throws for a kind or settings that were not checked at load. */
export function openChannels(
  kinds: readonly ChannelKind[],
  configured: ConfiguredChannels,
  tools: ChannelTools
): Map<string, ProbedChannel> {
  return new Map(
    Object.entries(configured).map(([name, { kind, settings }]) => {
      const known = kinds.find(candidate => candidate.name === kind)
      if (known === undefined) throw new Error(`channel ${name} is of kind ${kind}, which was not checked at load`)
      return [name, known.open(settings, tools)]
    })
  )
}
