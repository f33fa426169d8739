import type { Sight } from '../domain/blindness.ts'
import type { RuleGroup } from '../domain/rule-group.ts'

/** A group that was not evaluated for so many of its intervals is not evaluated any more. */
const INTERVALS = 3
/** How many are named in a message. */
const NAMED = 3

/**
 * Judges whether Prometheus evaluates the rules that policies wait for. A group that was never evaluated is a young one at first: Prometheus
 * spreads its groups over their interval.
 */
export class RulesJudge {
  /** Since when a group is known that was never evaluated, in Prometheus’ clock. */
  #young: ReadonlyMap<string, number> = new Map()

  /**
   * @param wanted the alert names that policies wait for; undefined where one waits for others
   * @param now in Prometheus’ clock
   */
  judge(groups: readonly RuleGroup[], wanted: ReadonlySet<string> | undefined, now: number): Sight {
    const relevant = groups.filter(({ rules }) => rules.some(({ name }) => wanted === undefined || wanted.has(name)))
    const young = new Map<string, number>()
    const stale = relevant.filter(group => {
      const key = `${group.file}\n${group.name}`
      const since = group.lastEvaluation ?? this.#young.get(key) ?? now
      if (group.lastEvaluation === undefined) young.set(key, since)
      return now - since > INTERVALS * group.intervalMs
    })
    this.#young = young
    if (relevant.length === 0) return { kind: 'unknown', detail: 'Prometheus has no rule that a policy waits for by name' }
    const failing = wanted === undefined ? [] : relevant.flatMap(({ rules }) => rules.filter(rule => rule.failed && wanted.has(rule.name)))
    const details = [
      ...named(stale, ({ name, lastEvaluation }) =>
        lastEvaluation === undefined ? `group ${name} was never evaluated` : `group ${name} was last evaluated at ${iso(lastEvaluation)}`
      ),
      ...named(failing, ({ name, error }) => `rule ${name} fails${error === '' ? '' : `: ${error}`}`)
    ]
    return details.length === 0
      ? { kind: 'sees', detail: `${relevant.length} rule groups are evaluated` }
      : { kind: 'blind', detail: details.join('; ') }
  }
}

function named<T>(list: readonly T[], say: (one: T) => string): readonly string[] {
  const more = list.length - NAMED
  return [...list.slice(0, NAMED).map(say), ...(more > 0 ? [`and ${more} more`] : [])]
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
