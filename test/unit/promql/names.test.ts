import t from 'tap'
import { parsePromql } from '../../../src/promql/parse.ts'
import { metricOf, selectorsOf, windowOf } from '../../../src/promql/selectors.ts'
import { parsePromqlTemplate } from '../../../src/templates/promql.ts'

function namesOf(promql: string): readonly (string | undefined)[] | string {
  const expr = parsePromql(promql)
  return 'error' in expr ? expr.error : selectorsOf(expr).map(selector => metricOf(selector, () => false))
}

t.test('the name of a metric is found in every spelling', async t => {
  for (const spelled of [
    'm',
    'm{}',
    'm{a="b",}',
    '{"m"}',
    "{'m'}",
    '{`m`}',
    '{"m", a="b"}',
    '{a="b", "m"}',
    '{__name__="m"}',
    '{a="b", __name__="m"}',
    '{"__name__"="m"}'
  ])
    t.same(namesOf(spelled), ['m'], spelled)
  t.same(namesOf('{"http.requests", "status.code"="500"} / on () sum(m)'), ['http.requests', 'm'])
  t.same(namesOf('{"caf\\u00e9"} + {"\\x61\\142"} + {"\\U0001F600"}'), ['café', 'ab', '😀'])
  for (const open of ['{__name__=~"m"}', '{__name__!="m", a="b"}', '{__name__!~"m", a="b"}', '{a="b"}'])
    t.same(namesOf(open), [undefined], open)
})

t.test('the window is the longest range, wherever the grammar puts it', async t => {
  const windowIn = (promql: string) => {
    const expr = parsePromql(promql)
    return 'error' in expr ? expr.error : windowOf(expr)
  }
  t.equal(windowIn('sum(rate(a[2m])) / sum(rate({"b"}[1h30m]))'), 5_400_000)
  t.equal(windowIn('rate(a[300])'), 300_000, 'a number is seconds')
  t.equal(windowIn('# a comment\nrate(a[5m]) # another'), 300_000)
  for (const unclear of [
    'rate(a[5m + 1m])',
    'a + b offset 5m',
    '-a offset 5m',
    'a - b @ 0',
    'max_over_time(a[5m:])',
    'a + rate(b[1m])[5m:1m]',
    'a * a offset 5m + a'
  ])
    t.notOk(Number.isFinite(windowIn(unclear)), unclear)
})

t.test('only a matcher of just the pods binds a query to them', async t => {
  const bound = (promql: string) => {
    const parsed = parsePromqlTemplate(promql)
    return 'error' in parsed ? parsed.error : parsed.boundToPods
  }
  t.equal(bound('rate(a{pod=~"{{ target.pods }}"}[5m])'), true)
  t.equal(bound('rate({"a", pod=~\'{{ target.pods }}\'}[5m])'), true)
  for (const loose of [
    'rate(a{pod!~"{{ target.pods }}"}[5m])',
    'rate(a{pod=~"{{ target.pods }}|.+"}[5m])',
    'rate(a{pod=~".*{{ target.pods }}"}[5m])'
  ])
    t.equal(bound(loose), false, loose)
})
