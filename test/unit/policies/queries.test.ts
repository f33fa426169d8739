import { readFileSync } from 'node:fs'
import t from 'tap'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { loadPolicies } from '../../../src/policies/load.ts'

interface Query {
  readonly promql: string
  readonly failWhen?: string
  readonly window?: string
  readonly traffic?: { readonly promql: string; readonly atLeast: number }
  /** Another query, as a condition of the policy's rung. */
  readonly condition?: string
}

/** Loads a policy with this query: the problems and the warnings, without their places. */
function told({ promql, failWhen = '> 5%', window, traffic, condition }: Query): { problems: string[]; warnings: string[] } {
  const when = condition === undefined ? {} : { when: { queries: [{ promql: condition, holdsWhen: '> 0' }] } }
  const policy = {
    name: 'p',
    match: ['alertname="A"'],
    target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
    verify: [{ promql, failWhen, ...(window === undefined ? {} : { window }), ...(traffic === undefined ? {} : { traffic }) }],
    steps: [{ action: 'rollout-undo', ...when }]
  }
  const text = JSON.stringify({ version: 1, sources: { prometheus: { url: 'http://p:9090' } }, policies: [policy] })
  const result = loadPolicies([{ file: 'p.yaml', text }], VOCABULARY)
  return result.kind === 'bad'
    ? { problems: result.problems.map(problem => problem.message), warnings: [] }
    : { problems: [], warnings: result.set.warnings.map(warning => warning.message) }
}

const refused = (query: Query): string => told(query).problems.join('\n')
const loads = (query: Query): boolean => told(query).problems.length === 0

const ERRORS = 'sum(rate(http_requests_total{status=~"5.."}[5m]))'
const ALL = 'sum(rate(http_requests_total[5m]))'

t.test('a recording rule must say its window, however its name is spelled', async t => {
  for (const spelled of [
    'job:errors:ratio_rate1h',
    'job:errors:ratio_rate1h{}',
    'job:errors:ratio_rate1h{job="api"}',
    '{__name__="job:errors:ratio_rate1h"}',
    '{__name__=\'job:errors:ratio_rate1h\', job="api"}',
    '{job="api", __name__=`job:errors:ratio_rate1h`}',
    '{"__name__"="job:errors:ratio_rate1h"}',
    '{"job:errors:ratio_rate1h"}',
    '{\'job:errors:ratio_rate1h\', job="api"}',
    '{"job\\u003aerrors:ratio_rate1h"}',
    '{"job\\x3aerrors"}',
    '{__name__="job\\072errors"}'
  ]) {
    t.match(refused({ promql: `sum(${spelled})` }), /say it with window:/, spelled)
    t.ok(loads({ promql: `sum(${spelled})`, window: '1h' }), `${spelled} with its window`)
  }
})

t.test('metrics that a regular expression chooses, or no name at all, may be recording rules', async t => {
  for (const open of ['{__name__=~"job:.*"}', '{__name__=~"queue_depth|backlog_depth"}', '{__name__!="up", job="api"}', '{job="api"}'])
    t.match(refused({ promql: `sum(${open})` }), /say it with window:/, open)
  t.match(refused({ promql: 'sum({__name__="{{ labels.metric }}"})' }), /say it with window:/, 'a name that a label gives')
  for (const rule of ['ALERTS{alertname="A"}', 'ALERTS_FOR_STATE'])
    t.match(refused({ promql: `count(${rule})` }), /say it with window:/, rule)
  for (const plain of ['queue_depth{}', '{"queue_depth"}', '{"queue.depth", "shop.id"="7"}', '{__name__="queue_depth"}'])
    t.ok(loads({ promql: `sum(${plain})` }), plain)
})

t.test('a window that leaves no time to confirm a recovery is told of', async t => {
  const long = 'sum(rate(http_requests_total[10m]))'
  t.match(told({ promql: long }).warnings, [
    /^no recovery can be confirmed within 10m: the queries look back 10m, and 3 samples 30s apart come only after that; say confirm\.within above 11m/
  ])
  t.same(told({ promql: 'sum(rate(http_requests_total[9m]))' }).warnings, [])
  t.match(told({ promql: 'sum(job:rate1h)', window: '1h' }).warnings, [/look back 1h/], 'what a policy says counts too')
})

t.test('a comparison on top is refused with the two halves to write instead', async t => {
  const halves: readonly (readonly [string, string])[] = [
    [`${ALL} > 5`, `promql: ${ALL}, failWhen: "> 5"`],
    [`(${ALL} >= 5)`, `promql: ${ALL}, failWhen: ">= 5"`],
    [`5 < ${ALL}`, `promql: ${ALL}, failWhen: "> 5"`],
    [`${ALL} > 14.4 * (1 - 0.999)`, `promql: ${ALL}, failWhen: "> 0.0144"`],
    [`${ALL} < -1e3`, `promql: ${ALL}, failWhen: "< -1000"`],
    [`${ALL} > vector(0.05)`, `promql: ${ALL}, failWhen: "> 0.05"`],
    [`sum by (pod) (x) > 5`, 'promql: max(sum by (pod) (x)), failWhen: "> 5"'],
    ['rate(x[5m]) < 5', 'promql: min(rate(x[5m])), failWhen: "< 5"'],
    ['up == 0', 'promql: sum(up == bool 0), failWhen: "> 0"'],
    ['(a or b) == 0', 'promql: sum((a or b) == bool 0), failWhen: "> 0"'],
    ['x\n  # half of them\n  > 5', 'promql: max(x), failWhen: "> 5"'],
    [`${ALL} > 5 unless on () (maintenance == 1)`, `promql: ${ALL}, failWhen: "> 5"`],
    ['sum(a) > 5 and sum(b) > 3', 'promql: sum(a), failWhen: "> 5", and promql: sum(b), failWhen: "> 3"'],
    ['sum(a) and sum(b) > 3', 'promql: sum(a) with the threshold that you mean, and promql: sum(b), failWhen: "> 3"'],
    ['sum(a) > 5 or sum(b) > 3', 'promql: sum(a), failWhen: "> 5", and promql: sum(b), failWhen: "> 3"'],
    ['sum(x{namespace="{{ target.namespace }}"}) > 5', 'promql: sum(x{namespace="{{ target.namespace }}"}), failWhen: "> 5"'],
    // What stands behind `offset` belongs to the sum, whatever the grammar's tree says.
    ['sum(x) > sum(y offset 5m) + 1', 'promql: sum(x) - (sum(y offset 5m) + 1), failWhen: "> 0"'],
    ['x > y offset 5m + 1', 'promql: max(x - (y offset 5m + 1)), failWhen: "> 0"']
  ]
  for (const [promql, expected] of halves)
    t.ok(refused({ promql, window: '10m' }).includes(expected), `${promql}\n${refused({ promql, window: '10m' })}`)
  t.match(refused({ promql: 'sum(a) > 5 or sum(b) > 3' }), /one policy for each/)
  t.match(refused({ promql: 'sum(a) > 5 and sum(b) > 3' }), /one query for each/)
})

t.test('two vectors that are compared are refused with a sentence', async t => {
  t.match(refused({ promql: 'sum(a) > sum(b)' }), /take the difference.*promql: sum\(a\) - sum\(b\), failWhen: "> 0"/)
  t.match(refused({ promql: 'a < on (pod) group_left b' }), /promql: min\(a - on \(pod\) group_left b\), failWhen: "< 0"/)
  t.match(refused({ promql: 'time() - max(a) > scalar(b)' }), /promql: \(time\(\) - max\(a\)\) - scalar\(b\)/)
})

t.test('what is no comparison on top is none', async t => {
  for (const promql of [
    `${ALL} > bool 5`,
    'sum(a > 5)',
    'max(a) or max(b) > 5',
    'max(a) unless max(b) > 5',
    '(max(a) > bool 5) * 2',
    'max(a) and max(b)'
  ])
    t.ok(loads({ promql }), promql)
})

t.test('conditions and traffic are held to the same, each in its own words', async t => {
  t.match(refused({ promql: ALL, condition: 'sum(a) > 5' }), /promql: sum\(a\), holdsWhen: "> 5"/)
  t.match(refused({ promql: ALL, traffic: { promql: 'sum(a) > 5', atLeast: 1 } }), /promql: sum\(a\), atLeast: 5/)
})

t.test('what Prometheus’ parser refuses is refused at load', async t => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['sum(a{b=~"5\\d"})', /knows no escape \\d; for a regular expression write \\\\d/],
    ["sum(a{b='\\\"'})", /knows no escape/],
    ['sum(a{b="\\400"})', /is no character/],
    ['sum(a{b="\\ud800"})', /is no character/],
    ['sum(a{b="\\u12"})', /knows no escape \\u/],
    ['sum({"a\\.b"})', /knows no escape \\\./],
    ['sum(a{"b\\-c"="d"})', /knows no escape \\-/],
    ['label_replace(a, "b", "$1", "c", "\\w+")', /knows no escape \\w/],
    ['sum(a{b=~"("})', /not a regular expression/],
    ['queue_depth[5m]', /gives no number/],
    ['sum(rate(queue_depth))', /rate\(\) takes a range such as \[5m\], and this is an instant vector/],
    ['rate(sum(a)[5m])', /right behind a selector/],
    ['sum(a[5m])', /sum takes an instant vector, and this is a range/],
    ['"a"', /gives no number/],
    ['5 and a', /between vectors only/],
    ['histogram_quantile(a, 0.9)', /takes a scalar, and this is an instant vector/],
    ['quantile(a)', /takes two arguments, and has 1/],
    ['{job=~".*"}', /select everything/],
    ['a{__name__="b"}', /stands there twice/],
    ['sum(a) offset 5m', /right behind a selector/]
  ]
  for (const [promql, why] of cases) t.match(refused({ promql, window: '5m' }), why, promql)
  t.ok(loads({ promql: 'sum(a{b=~"5\\\\d", c=`\\d`, d="\\x41\\u00e9\\U0001F600\\101"})' }), 'escapes that Prometheus takes')
})

t.test('a query with a number for an application that is gone needs traffic', async t => {
  for (const promql of [
    `${ERRORS} or vector(0)`,
    `(${ERRORS}) or on () vector(0)`,
    `sum(rate(x[5m]) or vector(0))`,
    `round(${ERRORS} or vector(0))`,
    'absent(up{job="api"})',
    'count(up == 1) or vector(0)',
    `${ALL} or absent(up)`
  ]) {
    t.match(refused({ promql }), /where there is no series at all.*it needs traffic:/, promql)
    t.ok(loads({ promql, traffic: { promql: ALL, atLeast: 1 } }), `${promql} with traffic`)
  }
  t.match(refused({ promql: ALL, condition: `${ERRORS} or vector(0)` }), /where there is no series at all/)
  for (const promql of [
    `(${ERRORS} or vector(0)) / ${ALL}`,
    `(${ERRORS} or 0 * ${ALL}) / ${ALL}`,
    `scalar(${ALL})`,
    'vector(1)',
    'time() - max(last_success)'
  ])
    t.ok(loads({ promql }), `${promql}: an application that is gone has no number`)
  t.match(refused({ promql: ALL, traffic: { promql: 'vector(5)', atLeast: 1 } }), /proves no traffic/)
  t.match(refused({ promql: ALL, traffic: { promql: `${ALL} or vector(1)`, atLeast: 1 } }), /proves no traffic/)
  t.ok(loads({ promql: ALL, traffic: { promql: `${ALL} or vector(0)`, atLeast: 1 } }), 'a padding below the least traffic is harmless')
})

t.test('a ratio that has no number before the first error loads, with a warning that pads it', async t => {
  const padded = `(${ERRORS} or 0 * ${ALL}) / ${ALL}`
  for (const promql of [`${ERRORS} / ${ALL}`, `100 * (${ERRORS} / ${ALL})`, `1 - ${ERRORS} / ${ALL}`])
    t.match(
      told({ promql }),
      {
        problems: [],
        warnings: [
          `has no number while its upper part has no series, as before the first error: a recovery cannot be confirmed then. Pad it: ${padded}`
        ]
      },
      promql
    )
  t.match(told({ promql: 'sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))' }).warnings, [/Pad it/])
  t.match(told({ promql: ALL, condition: `${ERRORS} / ${ALL}` }).warnings, [/Pad it/], 'in a condition too')
  t.match(told({ promql: ERRORS }).warnings, [/before the first failure/])
  t.match(told({ promql: 'count(up == 0)' }).warnings, [/Write sum\(up == bool 0\)/])
  for (const promql of [
    padded,
    `(${ERRORS} or vector(0)) / ${ALL}`,
    'sum(rate(latency_seconds_sum[5m])) / sum(rate(latency_seconds_count[5m]))',
    'max(db_connections_active) / max(db_connections_max)',
    ALL,
    'sum(rate(errors_total[5m]))'
  ])
    t.same(told({ promql }), { problems: [], warnings: [] }, promql)
})

t.test('the queries that are shipped have a number where all is well', async t => {
  const result = loadPolicies([{ file: 'policies.yaml', text: readFileSync('policies.yaml', 'utf8') }], VOCABULARY)

  t.equal(result.kind, 'loaded')
  t.same(result.kind === 'loaded' ? result.set.warnings : [], [])
})
