import { HOUR, MINUTE, SECOND } from '../base/clock.ts'
import { parseDuration } from '../base/duration.ts'
import {
  type Budget,
  COMPARISONS,
  type Confirm,
  type Policy,
  type StormLimits,
  type Threshold,
  type VerificationQuery
} from '../domain/policy.ts'
import { parsePromqlTemplate } from '../templates/promql.ts'
import { expandVerification, type WrittenVerification } from './expand.ts'
import type { PolicyFile } from './schema.ts'

type FilePolicy = PolicyFile['policies'][number]
type FileVerification = FilePolicy['verify'][number]
type FileCondition = NonNullable<NonNullable<FilePolicy['steps'][number]['when']>['queries']>[number]

/** The budgets that hold where a file sets no others (rules 4). */
const DEFAULT_BUDGETS: readonly Budget[] = [
  { limit: 3, per: 24 * HOUR, scope: 'target' },
  { limit: 5, per: HOUR, scope: 'global' }
]
export const DEFAULT_COOLDOWN = 30 * MINUTE
export const DEFAULT_STORM: StormLimits = { targets: 5, within: 5 * MINUTE, calm: 10 * MINUTE }

/** The policies of a checked file with every default filled in and every duration in milliseconds. */
export function normalizePolicies(file: PolicyFile): Policy[] {
  return file.policies.map(policy => normalizePolicy(policy, file))
}

function normalizePolicy(policy: FilePolicy, file: PolicyFile): Policy {
  const { defaults } = file
  return {
    name: policy.name,
    match: policy.match,
    target: policy.target,
    mode: policy.mode ?? defaults?.mode ?? 'dry-run',
    ...(policy.changedWithin === undefined ? {} : { changedWithin: ms(policy.changedWithin) }),
    ...ignoredOf(policy, defaults),
    verify: policy.verify.map((query, index) => normalizeVerification(expanded(query), index)),
    steps: policy.steps.map(step => ({
      action: step.action,
      with: isRecord(step.with) ? step.with : {},
      ...(step.target === undefined ? {} : { target: step.target }),
      ...(step.when === undefined
        ? {}
        : {
            when: {
              ...(step.when.changedWithin === undefined ? {} : { changedWithin: ms(step.when.changedWithin) }),
              queries: (step.when.queries ?? []).map(normalizeCondition)
            }
          }),
      confirm: confirmOf(step.confirm)
    })),
    guards: {
      namespaces: policy.guards?.namespaces ?? defaults?.guards?.namespaces ?? [],
      cooldown: optional(policy.guards?.cooldown ?? defaults?.guards?.cooldown, DEFAULT_COOLDOWN),
      budgets: budgetsOf(defaults?.guards?.budgets, policy.guards?.budgets),
      storm: stormOf(file)
    },
    escalate: {
      after: optional(policy.escalate?.after ?? defaults?.escalate?.after, 20 * MINUTE),
      to: policy.escalate?.to ?? defaults?.escalate?.to ?? []
    },
    recheck: optional(policy.recheck ?? defaults?.recheck, 30 * SECOND)
  }
}

/** The ignored parts of a policy, where it names none those of the defaults; nothing where neither names any. */
function ignoredOf(policy: FilePolicy, defaults: PolicyFile['defaults']): Pick<Policy, 'ignore'> {
  const annotations = policy.ignoreAnnotations ?? defaults?.ignoreAnnotations ?? []
  const env = policy.ignoreEnv ?? defaults?.ignoreEnv ?? []
  return annotations.length === 0 && env.length === 0 ? {} : { ignore: { annotations, env } }
}

type FileBudgets = readonly { readonly limit: number; readonly per: string; readonly scope: string }[]

/** The budgets of a policy, or of a guard: its own are added to the defaults, and never replace them (rules 4). */
export function budgetsOf(defaults: FileBudgets | undefined, own: FileBudgets | undefined): readonly Budget[] {
  return [...(defaults?.map(toBudget) ?? DEFAULT_BUDGETS), ...(own?.map(toBudget) ?? [])]
}

/** How a rung is confirmed. */
export function confirmOf(confirm: FilePolicy['steps'][number]['confirm']): Confirm {
  return { within: optional(confirm?.within, 10 * MINUTE), passes: confirm?.passes ?? 3, every: optional(confirm?.every, 30 * SECOND) }
}

/** The limits of a storm, which only the defaults set. */
export function stormOf(file: PolicyFile): StormLimits {
  const storm = file.defaults?.guards?.storm
  return storm === undefined ? DEFAULT_STORM : { targets: storm.targets, within: ms(storm.within), calm: ms(storm.calm) }
}

function expanded(query: FileVerification): WrittenVerification {
  const made = expandVerification(query, [])
  if (made.kind === 'wrong') throw new Error(`query was not checked at load: ${made.findings.map(({ message }) => message).join('; ')}`)
  return made.query
}

function normalizeVerification(query: WrittenVerification, index: number): VerificationQuery {
  const parsed = parsePromqlTemplate(query.promql)
  if ('error' in parsed) throw new Error(`query was not checked at load: ${parsed.error}`)
  return {
    name: query.name ?? `query ${index + 1}`,
    promql: query.promql,
    failWhen: parseThreshold(query.failWhen) ?? raise(`threshold was not checked at load: ${query.failWhen}`),
    window: query.window === undefined ? (parsed.window ?? raise('window was not checked at load')) : ms(query.window),
    boundToPods: parsed.boundToPods,
    ...(query.traffic === undefined ? {} : { traffic: query.traffic }),
    samples: query.samples ?? 2,
    every: optional(query.every, 15 * SECOND),
    maxAge: optional(query.maxAge, 2 * MINUTE)
  }
}

/** The query of a condition, which is asked once. Its window does not matter: the query itself says how far it looks back. */
function normalizeCondition(condition: FileCondition, index: number): VerificationQuery {
  const { holdsWhen, name = `condition ${index + 1}`, ...rest } = condition
  return normalizeVerification({ ...rest, name, failWhen: holdsWhen, samples: 1, window: '1s' }, index)
}

/** Parses a threshold such as `> 0.05` or `>= 5%`; undefined for anything else. */
export function parseThreshold(text: string): Threshold | undefined {
  const found = /^\s*(>=|<=|==|!=|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(%?)\s*$/.exec(text)
  const comparison = COMPARISONS.find(known => known === found?.[1])
  const value = Number(found?.[2]) / (found?.[3] === '%' ? 100 : 1)
  return comparison === undefined || !Number.isFinite(value) ? undefined : { comparison, value }
}

function toBudget(budget: { readonly limit: number; readonly per: string; readonly scope: string }): Budget {
  const scope = (['target', 'namespace', 'policy', 'global'] as const).find(known => known === budget.scope)
  return { limit: budget.limit, per: ms(budget.per), scope: scope ?? raise(`scope was not checked at load: ${budget.scope}`) }
}

/** Milliseconds of a duration that was checked at load, or `otherwise` where there is none. */
export function optional(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : ms(text)
}

function ms(text: string): number {
  return parseDuration(text) ?? raise(`duration was not checked at load: ${text}`)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function raise(message: string): never {
  throw new Error(message)
}
