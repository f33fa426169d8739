import { type Static, Type } from 'typebox'
import { MESSAGE_EVENTS } from '../../domain/message.ts'
import { type ChannelTools, channelKind, type Opened, type SettingsFault } from '../channel-kind.ts'
import { secureUrlFault } from '../channel-url.ts'
import { reachableInFile } from '../probe.ts'
import { AnswersSchema, API_URL } from './answers/settings.ts'
import { openBot } from './bot.ts'
import { openIncoming } from './incoming.ts'
import { botProbe } from './probe.ts'

const Settings = Type.Object(
  {
    webhookUrlFile: Type.Optional(
      Type.String({ minLength: 1, description: 'File with the URL of an incoming webhook: no threads, no updates.' })
    ),
    tokenFile: Type.Optional(Type.String({ minLength: 1, description: 'File with a bot’s token (xoxb-…) that has chat:write.' })),
    channel: Type.Optional(
      Type.String({ minLength: 1, description: 'Where the bot posts: a channel’s id, or its name such as #api-incidents.' })
    ),
    apiUrl: Type.Optional(Type.String({ minLength: 1, description: 'Base URL of Slack’s API; default https://slack.com/api.' })),
    answers: Type.Optional(AnswersSchema)
  },
  { additionalProperties: false }
)

export type SlackSettings = Static<typeof Settings>

/** Posts to Slack: as a bot one thread for each affair, whose first message shows how it stands; by an incoming webhook message by message. */
export const slack = channelKind({ name: 'slack', takes: MESSAGE_EVENTS, settings: Settings, check, open })

function check({ webhookUrlFile, tokenFile, channel, apiUrl, answers }: SlackSettings): readonly SettingsFault[] {
  if ((webhookUrlFile === undefined) === (tokenFile === undefined))
    return [{ path: [], message: 'needs webhookUrlFile or tokenFile, and not both' }]
  if (tokenFile !== undefined && channel === undefined) return [{ path: [], message: 'needs channel, where the bot posts' }]
  if (webhookUrlFile !== undefined && channel !== undefined)
    return [{ path: ['channel'], message: 'belongs to a bot: an incoming webhook posts where it was made for' }]
  if (webhookUrlFile !== undefined && apiUrl !== undefined) return [{ path: ['apiUrl'], message: 'belongs to a bot' }]
  if (webhookUrlFile !== undefined && answers !== undefined)
    return [
      { path: ['answers'], message: 'belongs to a bot: what an incoming webhook posts cannot be changed, so that its buttons would stay' }
    ]
  if (answers !== undefined && (answers.signingSecretFile === undefined) === (answers.appTokenFile === undefined))
    return [
      { path: ['answers'], message: 'needs signingSecretFile (Slack calls Astern) or appTokenFile (Astern calls Slack), and not both' }
    ]
  const fault = apiUrl === undefined ? undefined : secureUrlFault(apiUrl)
  return fault === undefined ? [] : [{ path: ['apiUrl'], message: fault }]
}

function open({ webhookUrlFile, tokenFile, channel, apiUrl, answers }: SlackSettings, tools: ChannelTools): Opened {
  if (webhookUrlFile !== undefined)
    return { ...openIncoming(webhookUrlFile, tools), probe: signal => reachableInFile(tools, webhookUrlFile, signal) }
  const bot = { tokenFile: tokenFile ?? '', channel: channel ?? '', apiUrl: apiUrl ?? API_URL }
  return { ...openBot(answers === undefined ? bot : { ...bot, answers }, tools), probe: botProbe(bot, tools) }
}
