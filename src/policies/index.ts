import type { Policy } from '../domain/policy.ts'
import { alertnamesOf, type Matcher, parseMatchers } from './matchers.ts'

export interface PolicyVerdict {
  readonly policy: string
  readonly matches: boolean
  /** The matchers that the labels do not satisfy, with what the labels say instead. */
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

/** Policies that name their alert are found by that name: what an alert costs does not grow with the policies of others. */
export function indexPolicies(policies: readonly Policy[]): PolicyIndex {
  const named = new Map<string, Entry[]>()
  const others: Entry[] = []
  const entries = policies.map((policy, order): Entry => ({ order, policy, matchers: policy.match.flatMap(compile) }))
  for (const entry of entries) {
    const names = alertnamesOf(entry.matchers)
    if (names === undefined) others.push(entry)
    else
      for (const name of new Set(names)) {
        const list = named.get(name)
        if (list === undefined) named.set(name, [entry])
        else list.push(entry)
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
