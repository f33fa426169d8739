import type { Static, TObject } from 'typebox'
import type { ActionLender, ActionTraits, ActionWriter, PlanResult, PlanSituation, Refused, Tools } from '../domain/action.ts'
import type { Write } from '../domain/plan.ts'

/** An action's traits and the schema of its step, which is all that policies, the doctor and the metrics need. */
export interface ActionDescription<T extends TObject> extends ActionTraits {
  /** Schema of the step's `with:`. */
  readonly with: T
  /** Says what is wrong in a `with:` that keeps the schema; undefined where nothing is. */
  check?(options: Static<T>): string | undefined
}

/** What an action gets to plan: its own options, and what it may look at. */
export interface PlanInput<O> extends PlanSituation {
  readonly options: O
}

export type Observation<S> = { readonly kind: 'seen'; readonly seen: S } | Refused

/** A planner that needs only the workload. `plan` is pure. */
interface PlannerByWorkload<O, W extends Write> {
  readonly observe?: undefined
  plan(input: PlanInput<O>): PlanResult<W>
}

/** A planner that looks at more than the workload first. `observe` only reads, `plan` is pure. */
interface PlannerBySight<O, S, W extends Write> {
  observe(tools: Tools, input: PlanInput<O>, signal: AbortSignal): Promise<Observation<S>>
  plan(input: PlanInput<O>, seen: S): PlanResult<W>
}

/** How an action makes its plans: observe → plan. */
export type Planner<O, S, W extends Write> = PlannerByWorkload<O, W> | PlannerBySight<O, S, W>

/**
 * An action with its own types: observe → plan → apply → watch. `T` is the schema of its options, `S` what it saw, `W` what it writes.
 */
export type TypedAction<T extends TObject, W extends Write, S = never> = ActionDescription<T> &
  Planner<Static<T>, S, W> &
  ActionWriter<W> &
  ActionLender<W> & {
    /** The kinds of its writes. By them a stored plan is recognised as its own. */
    readonly writes: readonly W['kind'][]
  }
