import t from 'tap'
import { ageQuery } from '../../../src/promql/age.ts'
import { parsePromql } from '../../../src/promql/parse.ts'

const age = (promql: string, traffic?: string) =>
  ageQuery({ promql, maxAge: 120_000, ...(traffic === undefined ? {} : { traffic: { promql: traffic } }) })

t.test('the age of the newest sample is asked of every selector', async t => {
  t.equal(age('sum(rate(a{x="y"}[2m])) / sum(rate(b[5m]))'), 'time() - max(timestamp(a{x="y"}) or timestamp(b))')
  t.equal(age('sum(a) + sum(a)'), 'time() - max(timestamp(a))', 'each once')
  t.equal(age('vector(1)'), undefined)
  t.equal(age('sum(a)', 'sum(b)'), 'time() - max(timestamp(a))', 'the traffic is of the same time, and proves nothing of the number')
})

t.test('where several metrics may be meant, the question keeps their names', async t => {
  const several = '{__name__=~"a|b", ns="shop"}'
  const question = `label_replace(time() + 0 * count(last_over_time(${several}[2m]) and ${several}), "metrics", "several", "", "")`
  t.equal(age(`sum(${several})`), `time() - max(${question})`)
  t.equal(age(`sum(${several}) / sum(c)`), `time() - max(${question} or timestamp(c))`)
})

t.test('what absent() looks for has no age', async t => {
  t.equal(age('absent(up{job="gone"})', 'sum(b)'), 'time() - max(timestamp(b))')
  t.equal(age('(absent_over_time(up{job="gone"}[5m]))', 'sum(b)'), 'time() - max(timestamp(b))')
  t.equal(age('absent(up{job="gone"})'), undefined)
})

t.test('a padded query without series of its own is as old as its traffic', async t => {
  t.equal(age('sum(rate(bad[5m])) or vector(0)', 'sum(rate(all[5m]))'), 'time() - (max(timestamp(bad)) or max(timestamp(all)))')
  t.equal(
    age('(sum(rate(bad[5m])) or 0 * sum(rate(all[5m]))) / sum(rate(all[5m]))'),
    'time() - max(timestamp(bad) or timestamp(all))',
    'a ratio needs its requests'
  )
})

t.test('every age query is a query', async t => {
  for (const promql of [
    'a',
    '{"a.b"}',
    '{__name__=~"a.*"} offset 5m',
    'a and {job="x"}',
    'info(a, {k="v"})',
    'absent(a) or b',
    'a # c\n + b'
  ])
    t.notOk('error' in parsePromql(age(promql, 'c') ?? ''), `${promql}: ${age(promql, 'c')}`)
})
