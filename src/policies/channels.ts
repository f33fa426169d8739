import { MINUTE } from '../base/clock.ts'
import { parseDuration } from '../base/duration.ts'
import type { ConfiguredChannel } from '../domain/message.ts'
import type { Finding, Path } from './problem.ts'
import { type ChannelSchema, configurable, type PolicyFile } from './schema.ts'

/** What the loader needs to know of a kind of channel. */
export interface LoadableChannel extends ChannelSchema {
  /** Says what is wrong in settings that keep the schema, and where. */
  check(settings: unknown): readonly { readonly path: readonly string[]; readonly message: string }[]
}

type FileChannels = PolicyFile['channels']
type FileChannel = NonNullable<FileChannels>[string]

/** How long a channel may fail before its fallback is told, milliseconds. */
const FALLBACK_AFTER_MS = 10 * MINUTE

/** Checks what no schema can say of channels: one kind each, no name of a standing channel, and the rules of each kind. */
export function checkChannels(channels: FileChannels, kinds: readonly LoadableChannel[]): Finding[] {
  return Object.entries(channels ?? {}).flatMap(([name, channel]): Finding[] => {
    const path: Path = ['channels', name]
    if (kinds.some(kind => kind.standing === true && kind.name === name))
      return [
        { path, message: `"${name}" is a channel that Astern has by itself, and needs no settings: choose another name`, atKey: true }
      ]
    const [configured, ...more] = kindsIn(channel)
    const lost = fallbackFault(channels ?? {}, name)
    if (lost !== undefined) return [{ path: [...path, lost.key], message: lost.message }]
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
      const { fallback, fallbackAfter } = channel
      if (typeof fallback !== 'string') return [name, configured]
      const after = typeof fallbackAfter === 'string' ? parseDuration(fallbackAfter) : FALLBACK_AFTER_MS
      if (after === undefined) throw new Error(`channel ${name} was not checked at load`)
      return [name, { ...configured, fallback: { to: fallback, after } }]
    })
  )
}

function kindsIn({ fallback: _to, fallbackAfter: _after, ...kinds }: FileChannel): readonly ConfiguredChannel[] {
  return Object.entries(kinds).map(([kind, settings]) => ({ kind, settings }))
}

/** What is wrong with where a channel falls back to: it is another one, and the way does not lead back. */
function fallbackFault(
  channels: NonNullable<FileChannels>,
  name: string
): { readonly key: 'fallback' | 'fallbackAfter'; readonly message: string } | undefined {
  const { fallback, fallbackAfter } = channels[name] ?? {}
  if (typeof fallback !== 'string')
    return fallbackAfter === undefined ? undefined : { key: 'fallbackAfter', message: 'needs fallback, the channel that it is about' }
  if (channels[fallback] === undefined) return { key: 'fallback', message: `there is no channel "${fallback}"` }
  const seen = new Set([name])
  for (let at: unknown = fallback; typeof at === 'string'; at = channels[at]?.fallback) {
    if (seen.has(at)) return { key: 'fallback', message: `leads back to "${at}"` }
    seen.add(at)
  }
  return undefined
}
