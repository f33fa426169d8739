import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { ChannelTools } from '../notify/channel-kind.ts'

/** What channels reach the world through. */
export function createChannelTools(parts: Pick<ChannelTools, 'http' | 'kube' | 'clock'>): ChannelTools {
  return { ...parts, instance: hostname(), readFile: async path => (await readFile(path, 'utf8')).trim() }
}
