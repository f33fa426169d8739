import { isObject, type JsonObject, listAt, objectAt } from '../../base/json.ts'
import type { Mode } from '../../domain/outcomes.ts'

export interface StandaloneScope {
  readonly namespace: string
  readonly mode: Mode
  readonly prometheus: string | undefined
  /** Where people are told: the job’s own log. */
  readonly told: string
  /** The policy file that it goes by, where there is one. */
  readonly own?: JsonObject
}

/** Nobody but whoever reads the job’s log is told: the channels of a file are a server’s, and one of them may even belong to one process alone. */
const TO_JOB = { to: ['job'] }

/**
 * The policy file of a guard without a server: where numbers come from, and what the guard may do in its namespace. Of a file of its own it
 * takes the source of numbers, the entries of `guards:` and the defaults; the rest is a server’s.
 */
export function standalonePolicies({ namespace, mode, prometheus, told, own = {} }: StandaloneScope): string {
  const source = prometheus === undefined ? objectAt(own, 'sources')['prometheus'] : { url: prometheus }
  const entries = listAt(own, 'guards').filter(isObject)
  const usual = { name: 'astern-guard', namespaces: [namespace], mode, escalate: TO_JOB }
  const { escalate: _escalate, ...defaults } = objectAt(own, 'defaults')
  return JSON.stringify({
    version: 1,
    ...(source === undefined ? {} : { sources: { prometheus: source } }),
    channels: { job: { webhook: { url: told } } },
    defaults: { ...defaults, escalate: TO_JOB },
    guards: entries.length === 0 ? [usual] : entries.map(entry => ({ ...entry, escalate: { ...objectAt(entry, 'escalate'), ...TO_JOB } })),
    policies: []
  })
}
