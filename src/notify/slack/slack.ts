import { type Static, Type } from 'typebox'
import { MESSAGE_EVENTS } from '../../domain/message.ts'
import { type ChannelTools, channelKind, type Opened, type SettingsFault } from '../channel-kind.ts'
import { secureUrlFault } from '../channel-url.ts'
import { reachableInFile } from '../probe.ts'
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
    apiUrl: Type.Optional(Type.String({ minLength: 1, description: 'Base URL of Slack’s API; default https://slack.com/api.' }))
  },
  { additionalProperties: false }
)

export type SlackSettings = Static<typeof Settings>

/** Posts to Slack: as a bot one thread for each affair, whose first message shows how it stands; by an incoming webhook message by message. */
export const slack = channelKind({ name: 'slack', takes: MESSAGE_EVENTS, settings: Settings, check, open })

function check({ webhookUrlFile, tokenFile, channel, apiUrl }: SlackSettings): readonly SettingsFault[] {
  if ((webhookUrlFile === undefined) === (tokenFile === undefined))
    return [{ path: [], message: 'needs webhookUrlFile or tokenFile, and not both' }]
  if (tokenFile !== undefined && channel === undefined) return [{ path: [], message: 'needs channel, where the bot posts' }]
  if (webhookUrlFile !== undefined && channel !== undefined)
    return [{ path: ['channel'], message: 'belongs to a bot: an incoming webhook posts where it was made for' }]
  if (webhookUrlFile !== undefined && apiUrl !== undefined) return [{ path: ['apiUrl'], message: 'belongs to a bot' }]
  const fault = apiUrl === undefined ? undefined : secureUrlFault(apiUrl)
  return fault === undefined ? [] : [{ path: ['apiUrl'], message: fault }]
}

function open({ webhookUrlFile, tokenFile, channel, apiUrl }: SlackSettings, tools: ChannelTools): Opened {
  if (webhookUrlFile !== undefined)
    return { ...openIncoming(webhookUrlFile, tools), probe: signal => reachableInFile(tools, webhookUrlFile, signal) }
  const bot = { tokenFile: tokenFile ?? '', channel: channel ?? '', apiUrl: apiUrl ?? 'https://slack.com/api' }
  return { ...openBot(bot, tools), probe: botProbe(bot, tools) }
}
