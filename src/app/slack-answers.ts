import { setTimeout as after } from 'node:timers/promises'
import type { Operations } from '../api/operations.ts'
import type { Clock } from '../base/clock.ts'
import { MINUTE, SECOND } from '../base/clock.ts'
import { sha256 } from '../base/hashes.ts'
import type { AnswerResult } from '../domain/hand-over.ts'
import type { ConfiguredChannel } from '../domain/message.ts'
import type { Person } from '../domain/person.ts'
import type { HandOverLedger } from '../domain/ports/hand-over-ledger.ts'
import type { ChannelTools } from '../notify/channel-kind.ts'
import { type Answering, createAnswering } from '../notify/slack/answers/answering.ts'
import { type Pressed, readForm, readPressed } from '../notify/slack/answers/pressed.ts'
import { reply } from '../notify/slack/answers/reply.ts'
import { type AnsweredChannel, answeredChannels } from '../notify/slack/answers/settings.ts'
import { signatureFault } from '../notify/slack/answers/signature.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { SlackCallback, SlackCallbackResult } from '../webhooks/slack.ts'

export interface SlackAnswersParts {
  readonly ledger: HandOverLedger
  readonly clock: Clock
  readonly tools: Pick<ChannelTools, 'http' | 'readFile'>
  /** As the policies in force have them. */
  readonly configured: () => { readonly channels: Readonly<Record<string, ConfiguredChannel>>; readonly people: readonly Person[] }
  readonly handOver: Operations['handOver']
  readonly metrics: Pick<Metrics, 'answered'>
  readonly logger: Pick<Logger, 'info' | 'warn'>
  /** Resolves when Slack must be answered, whatever is stored by then. Default: after {@link ANSWERED_WITHIN_MS}. */
  readonly patience?: () => Promise<unknown>
}

export interface SlackAnswers {
  /** Takes a callback that Slack posts. */
  take(callback: SlackCallback): Promise<SlackCallbackResult>
  /** Does what was pressed in a channel, whichever way it came. `id` names the press, so that it is done once. */
  press(channel: AnsweredChannel, id: string, payload: unknown): Promise<SlackCallbackResult>
  channels(): readonly AnsweredChannel[]
}

/** Slack shows an error to whoever pressed when no answer came within 3 s. A second of it is for the way. */
const ANSWERED_WITHIN_MS = 2 * SECOND
const LATE = { kind: 'late' } as const

/** A person who may not answer gets a line in the log this often, milliseconds, and all of them together so many. */
const LINE_EVERY_MS = MINUTE
const LINES = 20

/** Puts together what people answer from Slack. */
export function createSlackAnswers(parts: SlackAnswersParts): SlackAnswers {
  const { ledger, clock, tools, configured, handOver, metrics, logger } = parts
  const { patience = () => after(ANSWERED_WITHIN_MS, undefined, { ref: false }) } = parts
  const channels = (): readonly AnsweredChannel[] => answeredChannels(configured().channels)
  const tellRarely = rarely(clock, logger)

  const tellIn = (apiUrl: string) => (pressed: Pressed, text: string) => {
    reply(tools, pressed, { text, apiUrl }).then(
      fault => {
        if (fault !== undefined)
          logger.warn({ detail: fault, person: personOf(pressed) }, 'who pressed a button in Slack could not be told')
      },
      (cause: unknown) => logger.warn({ err: cause }, 'who pressed a button in Slack could not be told')
    )
  }

  const answering = (apiUrl: string): Answering =>
    createAnswering({
      ledger,
      people: () => configured().people,
      handOver,
      tell: tellIn(apiUrl),
      answered(result, pressed, detail) {
        metrics.answered(result)
        const about = { result, run: pressed.runId, person: personOf(pressed), button: pressed.button }
        if (mayNot(result)) tellRarely(`${about.person} ${result}`, { ...about, detail })
        else logger.info(about, 'somebody answered from Slack')
      }
    })

  async function press(channel: AnsweredChannel, id: string, payload: unknown): Promise<SlackCallbackResult> {
    const read = readPressed(payload)
    if (read.kind === 'bad') return { kind: 'malformed', detail: read.detail }
    if (!(await ledger.acceptOnce(sha256(id), clock.now()))) return { kind: 'unsigned', detail: 'it was accepted before' }
    // One app may post in several channels, and has one address, or one connection, for all of them.
    const names = channels()
      .filter(one => isSameApp(one, channel))
      .map(({ name }) => name)
    const work = answering(channel.apiUrl)(names, read.pressed)
    const done = await Promise.race([work, patience().then(() => LATE)])
    if (done.kind === 'late') {
      work.catch((cause: unknown) => {
        logger.warn({ err: cause, person: personOf(read.pressed) }, 'an answer from Slack could not be stored')
        tellIn(channel.apiUrl)(read.pressed, 'It could not be stored, so that nothing happened: press again.')
      })
      return { kind: 'done' }
    }
    return done.kind === 'done' ? done : { kind: 'foreign', detail: done.detail }
  }

  return {
    channels,
    press,
    async take({ channel: name, ...callback }) {
      const channel = channels().find(one => one.name === name)
      if (channel?.signingSecretFile === undefined)
        return { kind: 'no-such-channel', detail: 'there is no channel of this name that takes signed callbacks' }
      const form = readForm(callback.body)
      // It comes unsigned, and asks only whether the address answers by TLS.
      if (form.kind === 'ssl-check') return { kind: 'done' }
      const secret = await tools.readFile(channel.signingSecretFile)
      const fault = signatureFault(secret, callback, clock.now())
      if (fault !== undefined) return { kind: 'unsigned', detail: fault }
      if (form.kind === 'bad') return { kind: 'malformed', detail: form.detail }
      // Without the channel's name: what was accepted at one address must not be sent to that of another.
      return press(channel, `signed ${callback.timestamp ?? ''} ${callback.signature ?? ''}`, form.payload)
    }
  }
}

function isSameApp(one: AnsweredChannel, other: AnsweredChannel): boolean {
  return one.apiUrl === other.apiUrl && one.signingSecretFile === other.signingSecretFile && one.appTokenFile === other.appTokenFile
}

function personOf({ team, user }: Pressed): string {
  return `${team}/${user}`
}

function mayNot(result: AnswerResult): boolean {
  return result === 'unknown-person' || result === 'not-allowed' || result === 'refused'
}

/** Logs what may be repeated by anybody in the workspace, so seldom that it fills no disk. */
function rarely(clock: Clock, logger: Pick<Logger, 'warn'>): (key: string, line: Readonly<Record<string, unknown>>) => void {
  const told = new Set<string>()
  let from = Number.NEGATIVE_INFINITY
  return (key, line) => {
    if (clock.now() - from >= LINE_EVERY_MS || clock.now() < from) {
      told.clear()
      from = clock.now()
    }
    if (told.has(key) || told.size >= LINES) return
    told.add(key)
    logger.warn(line, 'an answer from Slack was not taken')
  }
}
