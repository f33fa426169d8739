import type { Policy } from '../domain/policy.ts'
import { alertnamesOf, type Matcher, parseMatchers } from './matchers.ts'

export interface PolicyVerdict {
  readonly policy: string
  readonly matches: boolean
  /** The matchers that the labels do not satisfy, each with the label's value. */
  readonly lacks: readonly { readonly matcher: string; readonly actual: string | undefined }[]
}

/** Finds the one policy for an alert: the first that matches, in file order (rules 1). */
export interface PolicyIndex {
  match(labels: Readonly<Record<string, string>>): Policy | undefined
  explain(labels: Readonly<Record<string, string>>): readonly PolicyVerdict[]
}

interface Entry {
  readonly order: number
  readonly policy: Policy
  readonly matchers: readonly Matcher[]
}

/** Indexes policies by the alert that they name, so that the cost of one alert does not grow with the policies for others. */
export function indexPolicies(policies: readonly Policy[]): PolicyIndex {
  const named = new Map<string, Entry[]>()
  const others: Entry[] = []
  // Policies often have the same matchers. Each different text is compiled once.
  const compiled = new Map<string, readonly Matcher[]>()
  const matchersOf = (source: string): readonly Matcher[] => {
    const found = compiled.get(source) ?? compile(source)
    compiled.set(source, found)
    return found
  }
  const entries = policies.map((policy, order): Entry => ({ order, policy, matchers: policy.match.flatMap(matchersOf) }))
  for (const entry of entries) {
    const naming = entry.matchers.find(matcher => alertnamesOf([matcher]) !== undefined)
    const names = naming === undefined ? undefined : alertnamesOf([naming])
    if (names === undefined) {
      others.push(entry)
      continue
    }
    // A policy that is found by the alert's name satisfies that matcher. Only the others are left to check.
    const rest = { ...entry, matchers: entry.matchers.filter(matcher => matcher !== naming) }
    for (const name of new Set(names)) {
      const list = named.get(name)
      if (list === undefined) named.set(name, [rest])
      else list.push(rest)
    }
  }
  return {
    match(labels) {
      const first = (list: readonly Entry[]): Entry | undefined =>
        list.find(entry => entry.matchers.every(matcher => matcher.matches(labelOf(labels, matcher.name))))
      const byName = first(named.get(labelOf(labels, 'alertname')) ?? [])
      const byOther = first(others)
      if (byName === undefined || byOther === undefined) return (byName ?? byOther)?.policy
      return byName.order < byOther.order ? byName.policy : byOther.policy
    },
    explain: labels =>
      entries.map(({ policy, matchers }) => {
        const lacks = matchers.filter(matcher => !matcher.matches(labelOf(labels, matcher.name)))
        return {
          policy: policy.name,
          matches: lacks.length === 0,
          lacks: lacks.map(matcher => ({
            matcher: matcher.source.trim(),
            actual: Object.hasOwn(labels, matcher.name) ? labels[matcher.name] : undefined
          }))
        }
      })
  }
}

function labelOf(labels: Readonly<Record<string, string>>, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? '') : ''
}

function compile(source: string): readonly Matcher[] {
  const parsed = parseMatchers(source)
  if ('error' in parsed) throw new Error(`matcher was not checked at load: ${parsed.error}`)
  return parsed
}
