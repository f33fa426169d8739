import { isObject } from '../../base/json.ts'
import type { MatcherParts } from '../../templates/write-promql.ts'
import { nameOf, readingsOf, splitMatchers } from '../matcher-text.ts'

/** Takes the matchers of `where:` apart, so that they are written anew and never pasted. */
export function readWhere(options: unknown): { readonly matchers: readonly MatcherParts[] } | { readonly problem: string } {
  const where: readonly unknown[] = isObject(options) && Array.isArray(options['where']) ? options['where'] : []
  const matchers: MatcherParts[] = []
  for (const text of where) {
    const written = splitMatchers(String(text))
    if ('rest' in written || written.length === 0)
      return { problem: `where: ${JSON.stringify(text)} is no matcher: write name="value", or with != =~ !~` }
    for (const one of written) {
      const label = nameOf(one)
      const [value] = readingsOf(one)
      if (label === undefined || label === '' || value === undefined)
        return { problem: `where: what stands in the quotes of ${one.source.trim()} has no meaning for Prometheus` }
      matchers.push({ label, operator: one.operator, value })
    }
  }
  return { matchers }
}
