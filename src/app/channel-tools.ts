import { hostname } from 'node:os'
import type { ChannelTools } from '../notify/channel-kind.ts'

/** What channels reach the world through. */
export function createChannelTools(parts: Pick<ChannelTools, 'http' | 'kube' | 'clock'>, readFile: ChannelTools['readFile']): ChannelTools {
  return { ...parts, instance: hostname(), readFile }
}
