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

/** Asked as soon as the target is known, before any query. The first reason wins. */
export const FIRST_GUARDS: readonly Guard[] = [modeOff, namespaces, storm, targetBusy, redeployedBad, change]

/** Asked once the symptom is confirmed. */
export const LATER_GUARDS: readonly Guard[] = [targetPaused, rolloutMoving, silenced, cooldown, budget]

/** Asked of a plan that is made, before it is tried. */
export const PLAN_GUARDS: readonly Guard[] = [ownership]

/** Asked last, when the plan is made: everything before it is decided and audited though the switch is lowered. */
export const LAST_GUARDS: readonly Guard[] = [switchLowered]
