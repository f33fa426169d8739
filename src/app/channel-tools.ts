import { hostname } from 'node:os'
import type { ChannelTools } from '../notify/channel-kind.ts'
import { sendMail } from '../notify/email/smtp.ts'

/** What channels reach the world through. */
export function createChannelTools(
  parts: Pick<ChannelTools, 'http' | 'kube' | 'clock' | 'origin'>,
  readFile: ChannelTools['readFile']
): ChannelTools {
  return { ...parts, mail: sendMail, instance: hostname(), readFile }
}
