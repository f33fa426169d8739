import { hostname } from 'node:os'
import type { ChannelTools } from '../notify/channel-kind.ts'
import { sendMail, verifyServer } from '../notify/email/smtp.ts'

/** What channels reach the world through. */
export function createChannelTools(
  parts: Pick<ChannelTools, 'http' | 'kube' | 'clock' | 'origin'> & Partial<Pick<ChannelTools, 'line'>>,
  readFile: ChannelTools['readFile']
): ChannelTools {
  return { line: () => {}, ...parts, mail: sendMail, mailCheck: verifyServer, instance: hostname(), readFile }
}
