import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { ageQuery } from '../../../src/promql/age.ts'
import { filtersOf } from '../../../src/promql/filters.ts'
import { parsePromql } from '../../../src/promql/parse.ts'
import { givenWhere } from '../../../src/promql/presence.ts'
import { windowOf } from '../../../src/promql/selectors.ts'
import { unpadded } from '../../../src/promql/unpadded.ts'

const EXPRESSIONS = readFileSync('test/support/promql/corpus/rules.jsonl', 'utf8')
  .trimEnd()
  .split('\n')
  .map((line): string => (JSON.parse(line) as { readonly expr: string }).expr)

const SCRAPS = [
  '(',
  ')',
  '[5m]',
  ' offset 5m',
  ' > 5',
  ' and ',
  ' or ',
  ' / ',
  '{',
  '}',
  '"',
  "'",
  '`',
  '\\',
  '#',
  '\n',
  'sum',
  '@ 0',
  '.',
  '-',
  '=~',
  'on(a)'
]

/** A public expression with a part cut out, and something else in its place. */
const mutated = fc
  .tuple(fc.constantFrom(...EXPRESSIONS), fc.nat(400), fc.nat(30), fc.oneof(fc.constantFrom('', ...SCRAPS), fc.string({ maxLength: 4 })))
  .map(([expr, at, length, scrap]) => expr.slice(0, at) + scrap + expr.slice(at + length))

t.test('whatever people write, it is read or refused, and never a broken invariant', async t => {
  let read = 0
  fc.assert(
    fc.property(mutated, promql => {
      const expr = parsePromql(promql)
      if ('error' in expr) return expr.offset >= 0 && expr.offset <= promql.length
      read += 1
      windowOf(expr)
      unpadded(expr, promql)
      givenWhere(expr, () => false)
      const parts = filtersOf(expr, promql)?.parts ?? []
      const ours = [
        ageQuery({ promql, maxAge: 1_000 }) ?? 'vector(1)',
        ...parts.map(part => (part.kind === 'number' ? part.promql : part.halves.promql))
      ]
      return ours.every(query => !('error' in parsePromql(query)))
    }),
    { numRuns: 2_000 }
  )
  t.ok(read > 50, 'some of them are read')
})

t.test('what nests too deeply is refused', async t => {
  for (const deep of [`${'('.repeat(5_000)}x${')'.repeat(5_000)}`, `${'-'.repeat(5_000)}x`, Array(5_000).fill('x').join(' + ')])
    t.match(parsePromql(deep), { error: /nested too deeply/ })
  t.notOk('error' in parsePromql(Array(500).fill('x').join(' or ')))
})
