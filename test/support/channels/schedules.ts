import fc from 'fast-check'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { Channel, Message } from '../../../src/domain/message.ts'
import { messageOf } from '../ledger-fixture.ts'
import { EVERYWHERE, type Somewhere } from './everywhere.ts'
import { FAULTS, type Shown } from './stand-in.ts'

/**
 * What happens to an affair of two alerts. `wrote`: Astern wrote. `called`: people are called for its first alert. `joined`: they are for
 * the second, in the same message where that is still open. `recovered`: Astern confirmed it. The others: an alert goes away or is back.
 */
const HAPPENS = ['nothing', 'wrote', 'called', 'joined', 'recovered', 'away', 'firing', 'other away', 'other firing'] as const
type Happens = (typeof HAPPENS)[number]

/** What becomes of a sending. `died`: Astern dies before it sends. `died after`: before it noted that the channel had taken it. */
const SENDINGS = [...FAULTS, 'died', 'died after'] as const
export type SendingAs = 'well' | (typeof SENDINGS)[number]

export interface Step {
  readonly happens: Happens
  readonly sending: SendingAs
}

export interface Schedule {
  /** A run that is about its alerts, or a storm: one message that changes, which ends when it is calm and never comes back. */
  readonly kind: 'run' | 'storm'
  readonly where: Somewhere
  /** Whether its calls for people share a message, as those of alerts without a write do. */
  readonly grouped: boolean
  readonly steps: readonly Step[]
}

/** Many affairs at once in one ledger, as it is in a storm: what one does must not disturb another. */
export interface Batch {
  readonly affairs: readonly Schedule[]
  /** What is between two steps, milliseconds, and whether Astern starts anew then. */
  readonly between: readonly { readonly ms: number; readonly restart: boolean }[]
}

const STEPS = 9

/** @param size how many schedules */
export function batches(size: number): fc.Arbitrary<Batch> {
  const step = fc.record({
    happens: fc.constantFrom(...HAPPENS),
    // Half of the sendings go well, or nothing would ever be over.
    sending: fc.oneof(fc.constant('well' as const), fc.constantFrom(...SENDINGS))
  })
  const schedule = fc.record({
    kind: fc.constantFrom('run' as const, 'run' as const, 'run' as const, 'storm' as const),
    where: fc.constantFrom(...EVERYWHERE),
    grouped: fc.boolean(),
    steps: fc.array(step, { minLength: STEPS, maxLength: STEPS, size: 'max' })
  })
  const pause = fc.record({ ms: fc.constantFrom(SECOND, 40 * SECOND, 2 * MINUTE, 3 * MINUTE), restart: fc.boolean() })
  return fc.record({
    affairs: fc.array(schedule, { minLength: size, maxLength: size, size: 'max' }),
    between: fc.array(pause, { minLength: STEPS, maxLength: STEPS, size: 'max' })
  })
}

/** What becomes of an alert. */
interface Turn {
  readonly which: 'first' | 'other'
  readonly status: 'firing' | 'resolved'
}

/** One affair as it truly is: what the rules say of it, without a ledger or a channel. */
export class Affair {
  readonly id: string
  readonly schedule: Schedule
  /** How it stands. */
  stands: Shown = 'nothing'
  /** How often people began to be needed. */
  calls = 0
  /** How often a sending was taken of which Astern heard nothing. */
  unheard = 0
  #overByAlerts = false
  #messages = 0
  readonly #fires = { first: true, other: true }
  readonly #concerned = new Set<Turn['which']>()
  readonly #incidents: Readonly<Record<Turn['which'], string>>

  constructor(id: string, schedule: Schedule, incidents: Readonly<Record<Turn['which'], string>>) {
    this.id = id
    this.schedule = schedule
    this.#incidents = incidents
  }

  /** How people should see it in its channel. Some channels show only what is open, and not every channel hears of a write. */
  get wanted(): Shown {
    const { where } = this.schedule
    if (where === 'pager' || where === 'alertmanager') return this.stands === 'call' ? 'call' : 'nothing'
    return this.stands === 'notice' && where === 'kubernetes-event' ? 'nothing' : this.stands
  }

  /** Goes one step. @returns the message that it makes, or what becomes of one of its alerts; undefined where nothing comes of it */
  go(index: number, channel: Channel): Message | Turn | undefined {
    const happens = this.schedule.steps[index]?.happens ?? 'nothing'
    if (this.schedule.kind === 'storm' && (this.stands === 'over' || happens === 'wrote')) return undefined
    switch (happens) {
      case 'nothing':
        return undefined
      case 'wrote':
        // Nothing is written for an affair that people have, or that is over.
        if (this.stands === 'call' || this.stands === 'over') return undefined
        this.stands = 'notice'
        return this.#message(channel, { event: 'acted', severity: 'warning' })
      case 'called':
        return this.#call(channel, 'first')
      case 'joined':
        return this.#call(channel, 'other')
      case 'recovered':
        if (this.stands === 'nothing') return undefined
        this.stands = 'over'
        this.#overByAlerts = false
        return this.#message(channel, { event: 'over', severity: 'info' })
      case 'away':
        return this.#turn({ which: 'first', status: 'resolved' })
      case 'firing':
        return this.#turn({ which: 'first', status: 'firing' })
      case 'other away':
        return this.#turn({ which: 'other', status: 'resolved' })
      case 'other firing':
        return this.#turn({ which: 'other', status: 'firing' })
    }
  }

  #call(channel: Channel, which: Turn['which']): Message | undefined {
    this.#begin()
    if (this.schedule.kind === 'storm') return this.#message(channel, { event: 'needs-people', key: `storm/${this.id}` })
    this.#concerned.add(which)
    return this.#message(channel, {
      event: 'needs-people',
      incidentId: this.#incidents[which],
      // Some share one message, and some are a message each.
      ...(this.schedule.grouped ? { group: this.id } : {})
    })
  }

  #begin(): void {
    if (this.stands !== 'call') this.calls += 1
    this.stands = 'call'
    this.#overByAlerts = false
  }

  #turn(turn: Turn): Turn | undefined {
    const fires = turn.status === 'firing'
    if (this.#fires[turn.which] === fires) return undefined
    this.#fires[turn.which] = fires
    if (!this.#concerned.has(turn.which)) return turn
    if (fires && this.stands === 'over' && this.#overByAlerts) this.#begin()
    else if (!fires && this.stands === 'call' && [...this.#concerned].every(which => !this.#fires[which])) {
      this.stands = 'over'
      this.#overByAlerts = true
    }
    return turn
  }

  /** As the pipeline makes them: only for channels that are given such messages. */
  #message({ takes, follows, apart = [] }: Channel, more: Partial<Message> & Pick<Message, 'event'>): Message | undefined {
    if (!takes.includes(more.event) && !follows.includes(more.event)) return undefined
    this.#messages += 1
    return messageOf({
      key: `${this.id}/${this.#messages}`,
      channel: this.schedule.where,
      subject: { kind: this.schedule.kind, id: this.id },
      // What is told of a storm changes with each target.
      text: `told ${this.#messages} times`,
      title: `Deployment/shop/${this.id}: HighErrorRatio`,
      details: { target: `Deployment/shop/${this.id}`, outcome: more.event },
      ...(takes.includes(more.event) ? {} : { onlyWhereTold: true }),
      ...(apart.includes(more.event) ? { apart: true } : {}),
      ...more
    })
  }
}
