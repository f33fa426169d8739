import type { Mode } from '../../domain/outcomes.ts'

/** The policy file of a guard without a server: where numbers come from, and what the guard may do. */
export function standalonePolicies({
  prometheus
}: {
  readonly namespace: string
  readonly mode: Mode
  readonly prometheus: string | undefined
}): string {
  return JSON.stringify({ version: 1, ...(prometheus === undefined ? {} : { sources: { prometheus: { url: prometheus } } }), policies: [] })
}
