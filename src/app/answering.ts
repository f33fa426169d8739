import type { Operations } from '../api/operations.ts'
import type { AnsweredChannel } from '../notify/slack/answers/settings.ts'
import { type SocketMode, type SocketState, startSocketMode } from '../notify/slack/answers/socket-mode.ts'
import type { ProxySettings } from '../outgoing/http-client.ts'
import { createWebSockets } from '../outgoing/web-socket.ts'
import type { OnStop } from './cleanups.ts'
import { createHandOver, type HandOverParts } from './hand-over.ts'
import { createSlackAnswers, type SlackAnswers, type SlackAnswersParts } from './slack-answers.ts'

export interface AnsweringParts extends Omit<SlackAnswersParts, 'handOver'>, Pick<HandOverParts, 'channels' | 'kick'> {
  readonly proxy: ProxySettings
  readonly failed: (what: string, cause: unknown) => void
}

/** How people's answers reach Astern in one channel. `callbacks`: Slack calls, and whether it can is seen only there. */
export type AnswersState =
  | { readonly channel: string; readonly way: 'callbacks' }
  | ({ readonly channel: string; readonly way: 'socket' } & SocketState)

export interface Answering {
  readonly handOver: Operations['handOver']
  readonly slackAnswers: Pick<SlackAnswers, 'take'>
  /** Is called when the policies changed: connects where people answer by Socket Mode now, and nowhere else. */
  follow(): Promise<void>
  states(): readonly AnswersState[]
}

/** Starts everything by which people answer, and stops it at the end. */
export function startAnswering(parts: AnsweringParts, onStop: OnStop): Answering {
  const { clock, tools, logger, failed } = parts
  const handOver = createHandOver({ ...parts, recorder: logger })
  const slackAnswers = createSlackAnswers({ ...parts, handOver })
  const sockets = createWebSockets(parts.proxy)
  onStop('sockets of Slack', async () => sockets.close())
  // One connection for each app, however many channels it posts in: Slack gives each press to one connection only.
  const open = new Map<string, SocketMode>()
  let stopped = false

  async function follow(): Promise<void> {
    const wanted = new Map(
      slackAnswers.channels().flatMap(one => (appOf(one) === undefined || stopped ? [] : [[appOf(one) ?? '', one] as const]))
    )
    for (const [app, mode] of open) {
      if (wanted.has(app)) continue
      open.delete(app)
      await mode.stop()
    }
    for (const [app, channel] of wanted) {
      if (open.has(app)) continue
      const { name } = channel
      const mode = startSocketMode({
        ...{ channel, tools, sockets, clock, failed },
        pressed: (envelope, payload) => slackAnswers.press(channel, `${app} ${envelope}`, payload),
        changed({ connected, detail }) {
          if (connected) logger.info({ channel: name }, 'people can answer from Slack')
          else logger.warn({ channel: name, detail }, 'people cannot answer from Slack: there is no connection')
        }
      })
      open.set(app, mode)
    }
  }

  onStop('answers from Slack', async () => {
    stopped = true
    await follow()
  })
  return {
    handOver,
    slackAnswers,
    follow,
    states: () =>
      slackAnswers.channels().map((channel): AnswersState => {
        const { name } = channel
        const mode = open.get(appOf(channel) ?? '')
        return mode === undefined ? { channel: name, way: 'callbacks' } : { channel: name, way: 'socket', ...mode.state() }
      })
  }
}

/** Which app answers by Socket Mode in a channel; undefined where Slack calls. */
function appOf({ appTokenFile, apiUrl }: AnsweredChannel): string | undefined {
  return appTokenFile === undefined ? undefined : `${apiUrl} ${appTokenFile}`
}
