import { type JsonObject, textAt } from '../../../base/json.ts'
import { mayAct } from '../../../domain/credential.ts'
import { type Answerer, type AnswerResult, type HandOverResult, handedText } from '../../../domain/hand-over.ts'
import { affairOf } from '../../../domain/message.ts'
import { OUTCOMES } from '../../../domain/outcomes.ts'
import { type Person, personOf } from '../../../domain/person.ts'
import type { HandOverLedger } from '../../../domain/ports/hand-over-ledger.ts'
import type { Pressed } from './pressed.ts'

export interface AnsweringParts {
  readonly ledger: Pick<HandOverLedger, 'rememberedOf'>
  readonly people: () => readonly Person[]
  readonly handOver: (asked: { readonly runId: string; readonly who: Answerer; readonly stopWatching: boolean }) => Promise<HandOverResult>
  /** Tells the person alone. Nobody waits for it. */
  readonly tell: (pressed: Pressed, text: string) => void
  /** Counts and logs what became of it. */
  readonly answered: (result: AnswerResult, pressed: Pressed, detail: string) => void
}

/** A press that is none of ours, or that another app, team or channel sent. */
export interface Refused {
  readonly kind: 'refused'
  readonly detail: string
}

/**
 * Does what somebody pressed. It resolves when the ledger has it, so that Slack is answered after that. Only what Astern itself posted
 * in that very channel counts, and only what a person of the policies pressed.
 */
export type Answering = (channels: readonly string[], pressed: Pressed) => Promise<Refused | { readonly kind: 'done' }>

export function createAnswering({ ledger, people, handOver, tell, answered }: AnsweringParts): Answering {
  /** Why the press belongs to none of these channels, which one app posts in. */
  async function foreignTo(channels: readonly string[], pressed: Pressed): Promise<string | undefined> {
    let fault: string | undefined = 'no message of Astern’s has that button'
    for (const channel of channels) {
      const memory = await ledger.rememberedOf(affairOf({ kind: 'run', id: pressed.runId }), channel)
      if (memory === undefined) continue
      fault = foreignFault(memory, pressed)
      if (fault === undefined) return undefined
    }
    return fault
  }

  return async (channels, pressed) => {
    const { runId, team, user } = pressed
    const foreign = await foreignTo(channels, pressed)
    if (foreign !== undefined) {
      answered('refused', pressed, foreign)
      return { kind: 'refused', detail: foreign }
    }
    const done = (result: AnswerResult, text?: string): { readonly kind: 'done' } => {
      answered(result, pressed, text ?? '')
      if (text !== undefined) tell(pressed, text)
      return { kind: 'done' }
    }
    const person = personOf(people(), team, user)
    if (person === undefined)
      return done(
        'unknown-person',
        `Astern does not know you, so nothing happens. Whoever keeps its policies can add you to people: ${team}/${user}`
      )
    if (!mayAct({ name: person.name, role: person.role, source: '' }, 'operator'))
      return done('not-allowed', `This needs the role operator, and ${person.name} has ${person.role}: nothing happens.`)
    const who: Answerer = { by: person.name, via: 'slack', person: person.slack }
    const result = await handOver({ runId, who, stopWatching: pressed.button === 'astern.stop' })
    switch (result.kind) {
      case 'handed':
        return done(result.again ? 'again' : 'handed-over')
      case 'taken':
        return done('taken', `${handedText(result.has)}.`)
      case 'over':
        return done('over', `It is over: ${result.outcome === undefined ? 'the alert went away' : OUTCOMES[result.outcome]}`)
      case 'no-such-run':
        return done('over', 'Astern does not keep this run any more.')
    }
  }
}

/** Why the press does not belong to what this channel was told; undefined where it does. What Slack said at posting is compared. */
function foreignFault(memory: JsonObject, { channel, workspace, app }: Pressed): string | undefined {
  const known = textAt(memory, 'channel')
  if (known !== channel) return 'it comes from another channel than the message'
  const posted = { app: textAt(memory, 'app') ?? app, team: textAt(memory, 'team') ?? workspace }
  if (posted.app !== app) return 'it comes from another app than the message'
  return posted.team === workspace ? undefined : 'it comes from another workspace than the message'
}
