import type { DatedInput, Guard, UnreadInput } from '../domain/guard.ts'
import { budget } from './budget.ts'
import { change } from './change.ts'
import { cooldown } from './cooldown.ts'
import { inHand } from './in-hand.ts'
import { modeOff, switchLowered } from './mode.ts'
import { namespaces } from './namespaces.ts'
import { ownership } from './ownership.ts'
import { redeployedBad } from './redeployed-bad.ts'
import { rolloutMoving } from './rollout-moving.ts'
import { silenced } from './silenced.ts'
import { storm } from './storm.ts'
import { stormLooming } from './storm-looming.ts'
import { targetBusy } from './target-busy.ts'
import { targetPaused } from './target-paused.ts'
import { touched } from './touched.ts'

/** What forbids every run on a target, whatever its rung would do. */
const ON_THE_TARGET = [modeOff, namespaces, touched, inHand, targetBusy, redeployedBad] as const

/** What needs a symptom that is real and dated. */
const ON_ITS_TIME = [storm, change] as const

/** What says that somebody is acting on the target. */
const SOMEBODY_ACTS = [targetPaused, rolloutMoving] as const

/** What must hold of a target whose symptom is real. */
const ON_THE_SYMPTOM = [...SOMEBODY_ACTS, silenced, cooldown] as const

/** Which guards are asked, by when: in each list the first that has a reason wins. */
export const GUARDS = {
  /** Before anything of the target is read: a label of an alert opens no namespace. */
  beforeRead: [namespaces],
  /** As soon as the target is known, before any query. */
  beforeQueries: ON_THE_TARGET,
  /** Before a query about a suspect whose rollout moves: its numbers are not the suspect’s alone yet. */
  whileMoving: SOMEBODY_ACTS,
  /** Once one sample fails and the queries were asked since when. */
  onceDated: ON_ITS_TIME,
  /** The same where no rung applies and only the symptom is asked about: nothing is blamed then. */
  onceDatedOnly: [storm],
  /** Once the symptom is confirmed. */
  onSymptom: [...ON_THE_SYMPTOM, budget],
  /** Once the plan names every object that it touches. */
  onTouched: [touched],
  /** Once the plan is made, before the server tries it. So people are told which change to make instead. */
  onPlan: [ownership],
  /** Once the server has tried the plan, before its intent is stored. So all else is decided and audited while the switch is lowered. */
  beforeIntent: [switchLowered, stormLooming],
  /**
   * Right before the write, everything once more (promise 7). Only the budget is not asked again. The intent has claimed its
   * place in it, and would count against itself.
   */
  beforeWrite: [...ON_THE_TARGET, ...ON_ITS_TIME, ...ON_THE_SYMPTOM, ownership, switchLowered, stormLooming]
} as const satisfies Readonly<Record<string, readonly Guard<DatedInput>[]>>

/** The lists of guards that the flow gets. */
export type GuardLists = Readonly<
  Record<Exclude<keyof typeof GUARDS, ListsOfDated | ListsOfUnread>, readonly Guard[]> &
    Record<ListsOfDated, readonly Guard<DatedInput>[]> &
    Record<ListsOfUnread, readonly Guard<UnreadInput>[]>
>
type ListsOfDated = 'onceDated' | 'beforeWrite'
type ListsOfUnread = 'beforeRead'
