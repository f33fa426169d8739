import type { Mode } from '../../domain/outcomes.ts'

export interface StandaloneScope {
  readonly namespace: string
  readonly mode: Mode
  readonly prometheus: string | undefined
  /** Where people are told: the job’s own log. */
  readonly told: string
}

/** The policy file of a guard without a server: where numbers come from, and what the guard may do in its namespace. */
export function standalonePolicies({ namespace, mode, prometheus, told }: StandaloneScope): string {
  return JSON.stringify({
    version: 1,
    ...(prometheus === undefined ? {} : { sources: { prometheus: { url: prometheus } } }),
    channels: { job: { webhook: { url: told } } },
    guards: [{ name: 'astern-guard', namespaces: [namespace], mode, escalate: { to: ['job'] } }],
    policies: []
  })
}
