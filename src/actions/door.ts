import type { Static, TObject } from 'typebox'
import { Check } from 'typebox/value'
import type { Action, ActionTraits, PlanRequest, PlanResult, Tools } from '../domain/action.ts'
import type { Plan, Write, WriteIntent } from '../domain/plan.ts'
import type { ActionDescription, PlanInput, TypedAction } from './typed-action.ts'

/** What policies, the doctor and the metrics know of an action, whatever its options are. */
export interface DescribedAction extends ActionTraits {
  /** Schema of the step's `with:`. */
  readonly with: TObject
  /** Says what is wrong in a `with:` that keeps the schema; undefined where nothing is. */
  readonly check?: (value: unknown) => string | undefined
}

/** Makes an action's traits and schema usable without the type of its options. */
export function describe<T extends TObject>(action: ActionDescription<T>): DescribedAction {
  const { check, ...traits } = action
  if (check === undefined) return traits
  return { ...traits, check: value => (Check(traits.with, value) ? check(value) : undefined) }
}

/**
 * The door between an action, which has its own types, and the flow, which knows only actions. Only here a step's `with:` becomes
 * options, by the action's schema, and a stored plan becomes the action's own, by the kind of its write.
 */
export function throughDoor<T extends TObject, W extends Write, S>(action: TypedAction<T, W, S>): Action {
  const { giveBack, giveUpFields, lent, lingers, watch } = action
  const own = (plan: Plan): Plan<W> => {
    if (!isOwn(plan, action.writes)) throw new Error(`${action.name} makes no write of kind ${plan.write.kind}`)
    return plan
  }
  const ownIntent = (intent: WriteIntent): WriteIntent<W> => ({ ...intent, plan: own(intent.plan) })
  return {
    ...describe(action),
    plan: (tools, request, signal) => planned(action, tools, request, signal),
    apply: (tools, intent, options, signal) => action.apply(tools, ownIntent(intent), options, signal),
    effect: (intent, workload, tools, signal) => action.effect(ownIntent(intent), workload, tools, signal),
    stands: (intent, workload) => action.stands(ownIntent(intent), workload),
    ...(lingers === undefined ? {} : { lingers: plan => lingers(own(plan)) }),
    ...(watch === undefined ? {} : { watch: (tools, plan, look, signal) => watch(tools, own(plan), look, signal) }),
    ...(giveUpFields === undefined ? {} : { giveUpFields: (tools, plan, signal) => giveUpFields(tools, own(plan), signal) }),
    ...(giveBack === undefined ? {} : { giveBack: (tools, plan, signal) => giveBack(tools, own(plan), signal) }),
    ...(lent === undefined ? {} : { lent: (tools, plan, signal) => lent(tools, own(plan), signal) })
  }
}

async function planned<T extends TObject, W extends Write, S>(
  action: TypedAction<T, W, S>,
  tools: Tools,
  { with: written, ...situation }: PlanRequest,
  signal: AbortSignal
): Promise<PlanResult> {
  if (!Check(action.with, written)) throw new Error(`a step of ${action.name} was not checked at load`)
  const input: PlanInput<Static<T>> = { ...situation, options: written }
  if (action.observe === undefined) return action.plan(input)
  const observed = await action.observe(tools, input, signal)
  return observed.kind === 'refused' ? observed : action.plan(input, observed.seen)
}

function isOwn<W extends Write>(plan: Plan, kinds: readonly W['kind'][]): plan is Plan<W> {
  const known = ({ kind }: Write): boolean => kinds.some(own => own === kind)
  return known(plan.write) && (plan.loan === undefined || known(plan.loan.write))
}
