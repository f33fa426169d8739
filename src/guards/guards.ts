import type { Guard } from '../domain/guard.ts'
import { budget } from './budget.ts'
import { change } from './change.ts'
import { cooldown } from './cooldown.ts'
import { modeOff, switchLowered } from './mode.ts'
import { namespaces } from './namespaces.ts'
import { ownership } from './ownership.ts'
import { redeployedBad } from './redeployed-bad.ts'
import { rolloutMoving } from './rollout-moving.ts'
import { silenced } from './silenced.ts'
import { storm } from './storm.ts'
import { targetBusy } from './target-busy.ts'
import { targetPaused } from './target-paused.ts'

/** What forbids every run on a target, whatever its rung would do. */
const ON_THE_TARGET = [modeOff, namespaces, storm, targetBusy, redeployedBad] as const

/** What must hold of a target whose symptom is real. */
const ON_THE_SYMPTOM = [targetPaused, rolloutMoving, silenced, cooldown] as const

/** Which guards are asked, by when: in each list the first that has a reason wins. */
export const GUARDS = {
  /** As soon as the target is known, before any query. */
  beforeQueries: [...ON_THE_TARGET, change],
  /** The same where no rung applies and only the symptom is asked about: nothing is blamed then. */
  beforeSymptomOnly: ON_THE_TARGET,
  /** Once the symptom is confirmed. */
  onSymptom: [...ON_THE_SYMPTOM, budget],
  /** Once the plan is made, before the server tries it. So people are told which change to make instead. */
  onPlan: [ownership],
  /** Once the server has tried the plan, before its intent is stored. So all else is decided and audited while the switch is lowered. */
  beforeIntent: [switchLowered],
  /**
   * Right before the write, everything once more (promise 7). Only the budget is not asked again. The intent has claimed its
   * place in it, and would count against itself.
   */
  beforeWrite: [...ON_THE_TARGET, change, ...ON_THE_SYMPTOM, ownership, switchLowered]
} as const satisfies Readonly<Record<string, readonly Guard[]>>

/** The lists of guards that the flow gets. */
export type GuardLists = Readonly<Record<keyof typeof GUARDS, readonly Guard[]>>
