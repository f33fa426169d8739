import type { JsonObject } from '../base/json.ts'
import type { Change, DeployMarker, Witness } from './change.ts'
import { lastChange } from './last-change.ts'
import { type MovedImage, movedImage } from './moved-image.ts'
import { type Owner, type ToldOwner, toldOwner } from './owner.ts'
import type { PatchOperation, Plan, Write } from './plan.ts'
import type { Symptom } from './symptom.ts'
import type { Sample } from './verdict.ts'
import type { Release, Workload } from './workload.ts'

/** A write as people read it: of a patch, what it changes, without the values and the preconditions. The intent's own row has it whole. */
export interface ToldWrite extends Omit<Write, 'operations' | 'mark'> {
  readonly operations?: readonly Pick<PatchOperation, 'op' | 'path'>[]
}

/** A plan as people read it. What the action adds for people (`Plan.facts`) stands beside these, under names of its own. */
export interface ToldPlan {
  readonly hash: string
  readonly summary: string
  readonly reverse: string
  readonly write: ToldWrite
}

/** What is known of the last change beyond its time; absent where the cluster does not show it. */
interface ChangeFacts {
  /** The field manager that made the present version of the one before. */
  readonly changedBy?: string
  /** What differs between the two: names, and of values only images. */
  readonly differs?: readonly string[]
  /** A tag that names another image than before. */
  readonly movedImage?: MovedImage
}

/** Why the write would be right: the plan, the numbers, the change that it blames. */
export interface PlannedFacts extends ChangeFacts {
  readonly plan: ToldPlan
  /** The deciding samples, oldest first. */
  readonly samples: readonly Sample[]
  /** What the API server said to a write that it did not store. */
  readonly serverDryRun: string
  /** What the API server warned of then; absent where it warned of nothing. */
  readonly warnings?: readonly string[]
  /** What Astern may not look at of all that the older version needs; absent where it looked at everything. */
  readonly notLookedAt?: readonly string[]
  readonly symptom: Symptom
  /** Set where Alertmanager was asked and does not know the alert. */
  readonly unknownAlert?: string
  readonly change: Change
  /** With `release`: only where a release owns the target. */
  readonly releaseChange?: Change
  readonly release?: Release
  /** Owners that only the target's metadata names; absent where there are none. */
  readonly hints?: readonly string[]
  /** The newest of them; absent where CI told of none. */
  readonly markers?: readonly DeployMarker[]
}

/** What came first, the change or the symptom. Instants in Astern's clock. */
export interface OrderFacts extends ChangeFacts {
  readonly changedAt: number
  readonly changeKnownBy: Witness
  readonly symptom: Symptom
  /** Identity of the template that the target has. */
  readonly template: string
  readonly release?: Release
  readonly markers?: readonly DeployMarker[]
}

export interface StormFacts {
  /** The storm's id. */
  readonly storm: string
  /** How many targets. The list is in the storm's one message, and not in a row of each of them. */
  readonly targets: number
  readonly calmAt: number
  /** How many full hours the storm has lasted. */
  readonly hours: number
}

/** One look at the queries that did not confirm the symptom. */
export interface SampleFacts {
  readonly sample: Sample
}

/** The target has another template than the one that was judged. Both are identities. */
export interface MovedFacts {
  readonly judged: string
  readonly found: string
}

/** A rung that was passed over, and what of its conditions did not hold. */
export interface PassedRung {
  readonly step: number
  readonly action: string
  readonly why: string
}

export interface PassedFacts {
  readonly passed: readonly PassedRung[]
}

export interface WindowFacts {
  /** When the suspect's rollout was complete, API server's clock. */
  readonly completedAt: number
}

/** Who declares what the target is, and what to change there. What the action adds for people (`Plan.facts`) stands beside. */
export interface OwnedFacts {
  readonly owners: readonly ToldOwner[]
  readonly revert: string
}

/** The revisions that were looked at, each with the reason against it; an action says of one what its people want to see. */
export interface CandidateFacts {
  readonly provenFor: string
  readonly candidates: readonly JsonObject[]
}

/** What was seen by whatever refused. Which of these stand there follows from the reason; a reason may have none. */
export type DecisionFacts = Partial<
  PlannedFacts & OrderFacts & StormFacts & SampleFacts & MovedFacts & PassedFacts & WindowFacts & OwnedFacts & CandidateFacts
>

/** What people are told of the change at an instant (API server's clock). */
export function changeFacts(workload: Workload, at: number | undefined): ChangeFacts {
  const change = at === undefined ? undefined : lastChange(workload, at)
  const moved = movedImage(workload)
  return {
    ...(change?.by === undefined ? {} : { changedBy: change.by }),
    ...(change === undefined || change.differs.length === 0 ? {} : { differs: change.differs.map(({ text }) => text) }),
    ...(moved === undefined ? {} : { movedImage: moved })
  }
}

/** Tells a plan to people. */
export function toldPlan({ hash, summary, reverse, write, facts }: Plan): ToldPlan {
  return { hash, summary, reverse, write: toldWrite(write), ...facts }
}

function toldWrite({ operations, mark: _, ...write }: Write): ToldWrite {
  if (operations === undefined) return write
  const changes = operations.filter(operation => operation.op !== 'test')
  return { ...write, operations: changes.map(({ op, path }) => ({ op, path })) }
}

/** Tells people which change to make where the target is declared, in place of the write. */
export function ownedFacts(owners: readonly Owner[], { summary, facts }: Plan): OwnedFacts {
  return { owners: owners.map(toldOwner), revert: summary, ...facts }
}
