import { readFileSync } from 'node:fs'
import t from 'tap'
import { ageQuery } from '../../../src/promql/age.ts'
import type { Expr } from '../../../src/promql/ast.ts'
import { filters, filtersOf } from '../../../src/promql/filters.ts'
import { parsePromql } from '../../../src/promql/parse.ts'
import { givenWhere } from '../../../src/promql/presence.ts'
import { metricOf, selectorsOf, windowOf } from '../../../src/promql/selectors.ts'

/** What Prometheus' own parser and engine say of an expression; see the folder's README. */
interface Expectation {
  readonly expr: string
  readonly from: string
  readonly window: number | null
  readonly names: readonly (string | null)[]
  readonly filters: boolean
  readonly half?: { readonly left: string; readonly operator: string; readonly threshold: number }
  readonly empty: string | null
}

function read<Line>(file: string): readonly Line[] {
  return readFileSync(`test/support/promql/corpus/${file}`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): Line => JSON.parse(line))
}

/** The experimental names that this version of the grammar does not know yet, and its case of letters in durations. */
const UNKNOWN_TO_THE_GRAMMAR = /\b(?:min_of|max_of)\(|step\(\)|STEP\(\)|STep\(\)/

const RULES = read<Expectation>('rules.jsonl')
const ENGINE_TESTS = read<Expectation>('engine-tests.jsonl').filter(({ expr }) => !UNKNOWN_TO_THE_GRAMMAR.test(expr))

function parsed(promql: string): Expr {
  const expr = parsePromql(promql)
  if ('error' in expr) throw new Error(`${expr.error}: ${promql}`)
  return expr
}

/** What differs between Prometheus' answer and ours, over all expressions. */
function differing(check: (expr: Expr, expected: Expectation) => readonly [ours: unknown, theirs: unknown]): readonly unknown[] {
  return [...RULES, ...ENGINE_TESTS].flatMap(expected => {
    const [ours, theirs] = check(parsed(expected.expr), expected)
    return JSON.stringify(ours) === JSON.stringify(theirs) ? [] : [{ expr: expected.expr, from: expected.from, ours, theirs }]
  })
}

t.test('there are expressions to hold the parser to, of public rules and of the engine’s own tests', async t => {
  t.ok(RULES.length >= 400)
  t.ok(ENGINE_TESTS.length >= 1_500)
  t.ok(new Set(RULES.map(({ from }) => from.split('/')[0])).size >= 6, 'from several authors')
  t.ok(RULES.filter(rule => rule.filters).length > 200, 'most alerts end in a comparison')
})

t.test('the names and the window of each are what Prometheus says', async t => {
  t.same(
    differing((expr, { names }) => [selectorsOf(expr).map(selector => metricOf(selector, () => false) ?? null), names]),
    []
  )
  t.same(
    differing((expr, { window }) => [windowOf(expr) ?? null, window]),
    []
  )
})

t.test('a comparison on top is seen where Prometheus’ tree has one, and its halves are the tree’s', async t => {
  t.same(
    differing((expr, expected) => [filters(expr), expected.filters]),
    []
  )
  const withoutBlanks = (text: string) => text.replaceAll(/#[^\n]*|\s/g, '')
  for (const { expr, half } of [...RULES, ...ENGINE_TESTS]) {
    if (half === undefined) continue
    const [part, ...more] = filtersOf(parsed(expr), expr)?.parts ?? []
    if (part?.kind !== 'threshold' || more.length > 0) throw new Error(`no halves: ${expr}`)
    t.ok(withoutBlanks(part.halves.promql).includes(withoutBlanks(half.left)), expr)
    if (half.operator === '==' || half.operator === '!=') continue
    t.equal(part.halves.operator, half.operator, expr)
    t.ok(Math.abs(part.halves.threshold - half.threshold) <= 1e-9 * Math.abs(half.threshold), expr)
  }
})

t.test('each half is a query without a comparison on top', async t => {
  for (const { expr } of RULES)
    for (const part of filtersOf(parsed(expr), expr)?.parts ?? [])
      t.notOk(filters(parsed(part.kind === 'number' ? part.promql : part.halves.promql)), expr)
})

t.test('what each answers on an empty database is what the engine answers', async t => {
  t.same(
    differing((expr, { empty }) => {
      const given = givenWhere(expr, () => false)
      if (given.kind === 'nothing' || empty === null) return [given.kind === 'nothing' ? null : 'a value', empty]
      return given.value === undefined ? [empty, empty] : [given.value, Number(empty)]
    }),
    []
  )
})

t.test('the age of each can be asked', async t => {
  for (const { expr, names } of [...RULES, ...ENGINE_TESTS]) {
    const age = ageQuery({ promql: expr, maxAge: 120_000, traffic: { promql: 'sum(traffic)' } })
    if (age !== undefined) parsed(age)
    t.equal(age === undefined, names.length === 0 && givenWhere(parsed(expr), () => false).kind === 'nothing', expr)
  }
})

/** What Prometheus refuses and we do not, and the reverse: matters of experimental features, and of the grammar. */
const TAKEN_ALL_THE_SAME = [
  'foo @ +Inf',
  'foo @ -Inf',
  'foo @ NaN',
  'info(rate(http_request_counter_total{}[5m]), target_info{foo="bar"})',
  'info(http_request_counter_total{namespace="zzz"}, {foo="bar"} == 1)',
  'foo[step()/0d]',
  'foo[5s/0d]',
  'foo offset (4d/0)',
  'foo[5s%0d]',
  'foo offset 9.5e10'
]
const REFUSED_ALL_THE_SAME = ['offset{step="1s"}[5m]']

t.test('what Prometheus’ parser refuses of its own tests we refuse, and what it takes we take', async t => {
  const tests = read<{ readonly query: string; readonly refused?: string }>('parser-tests.jsonl')
  t.ok(tests.length >= 400)
  const ours = new Map(tests.map(({ query }) => [query, 'error' in parsePromql(query)]))
  t.same(
    tests.filter(({ query, refused }) => refused !== undefined && ours.get(query) === false).map(({ query }) => query),
    TAKEN_ALL_THE_SAME
  )
  t.same(
    tests.filter(({ query, refused }) => refused === undefined && ours.get(query) === true).map(({ query }) => query),
    REFUSED_ALL_THE_SAME
  )
})
