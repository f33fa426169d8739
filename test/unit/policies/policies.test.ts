import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { indexPolicies } from '../../../src/policies/index.ts'
import { loadPolicies } from '../../../src/policies/load.ts'
import { parseMatchers } from '../../../src/policies/matchers.ts'
import { parseThreshold } from '../../../src/policies/normalize.ts'
import { publishedSchema } from '../../../src/policies/schema.ts'
import { openPolicyStore } from '../../../src/policies/store.ts'
import { policyOf } from '../../support/bench.ts'

const GOOD = `version: 1
sources:
  prometheus: { url: "http://prometheus:9090" }
channels:
  people: { webhook: { url: "https://example.org/hook" } }
policies:
  - name: undo
    match: ['alertname="A"']
    target: { kind: Deployment, namespace: "{{ labels.namespace }}", name: "{{ labels.deployment }}" }
    mode: auto
    verify:
      - promql: sum(rate(errors_total{namespace="{{ target.namespace }}"}[5m]))
        failWhen: "> 5%"
    steps: [{ action: rollout-undo }]
    guards: { namespaces: [shop] }
    escalate: { to: [people] }
`

function problemsOf(text: string): string[] {
  const result = loadPolicies([{ file: 'p.yaml', text }], VOCABULARY)
  return result.kind === 'bad'
    ? result.problems.map(problem => `${problem.line}:${problem.column} ${problem.path}: ${problem.message}`)
    : []
}

const edited = (from: string, to: string): string[] => {
  if (!GOOD.includes(from)) throw new Error(`the good file has no ${from}`)
  return problemsOf(GOOD.replace(from, to))
}

t.test('a good file loads, with every default filled in', async t => {
  const result = loadPolicies([{ file: 'p.yaml', text: GOOD }], VOCABULARY)

  if (result.kind === 'bad') throw new Error(JSON.stringify(result.problems))
  const [policy] = result.set.policies
  t.match(policy, {
    mode: 'auto',
    recheck: 30_000,
    escalate: { after: 1_200_000 },
    guards: { cooldown: 1_800_000 }
  })
  t.same(policy?.guards.budgets, [
    { limit: 3, per: 86_400_000, scope: 'target' },
    { limit: 5, per: 3_600_000, scope: 'global' }
  ])
  t.match(policy?.steps[0], { confirm: { within: 600_000, passes: 3, every: 30_000 } })
  t.match(policy?.verify[0], { failWhen: { comparison: '>', value: 0.05 }, window: 300_000, samples: 2 })
})

t.test('each mistake is told with line, column, path, and what to write instead', async t => {
  t.same(edited('escalate: { to: [people] }', 'escalat: { to: [people] }').slice(0, 1), [
    '16:5 policies[0].escalat: unknown key "escalat"; did you mean "escalate"?'
  ])
  t.match(
    edited('rollout-undo', 'rollout-undoo')[0],
    /^14:23 policies\[0\]\.steps\[0\]\.action: there is no action "rollout-undoo"; did you mean "rollout-undo"\?/
  )
  t.match(
    edited('action: rollout-undo', 'action: rollout-undo, with: { provenfor: 5m }')[0],
    /provenfor: unknown key "provenfor"; did you mean "provenFor"\?/
  )
  t.match(
    edited('[people] }\n', '[peeple] }\n')[0],
    /^16:22 policies\[0\]\.escalate\.to\[0\]: there is no channel "peeple"; did you mean "people"\?/
  )
  t.match(edited('[5m]', '[5m')[0], /^12:17 policies\[0\]\.verify\[0\]\.promql: not PromQL: it ends too early|^12:\d+ .*not PromQL/)
  t.match(edited('"> 5%"', '"5%"')[0], /^13:19 policies\[0\]\.verify\[0\]\.failWhen: is not what belongs here: .*"> 5%"/)
  t.match(edited(`'alertname="A"'`, `'alertname=~"("'`)[0], /^8:13 policies\[0\]\.match\[0\]: "\(" is not an RE2 regular expression/)
  t.match(edited('mode: auto', 'mode: approve')[0], /^10:11 policies\[0\]\.mode: must be one of off, dry-run, auto/)
  t.match(edited('    steps:', '    recheck: 0s\n    steps:')[0], /recheck: is not what belongs here: .*30s/)
  t.match(edited('    steps:', '    recheck: 500ms\n    steps:')[0], /recheck: is not what belongs here/)
  t.match(edited('kind: Deployment', 'kind: ReplicaSet')[0], /kind: must be one of Deployment, StatefulSet, DaemonSet, Rollout/)
  t.match(edited('    guards: { namespaces: [shop] }\n', '')[0], /mode auto needs guards\.namespaces/)
  t.match(edited('    escalate: { to: [people] }\n', '')[0], /mode auto needs a channel/)
  t.match(
    edited(
      '    verify:\n      - promql: sum(rate(errors_total{namespace="{{ target.namespace }}"}[5m]))\n        failWhen: "> 5%"\n',
      ''
    )[0],
    /"verify" is missing/
  )
  t.match(edited('https://example.org', 'http://example.org')[0], /must begin with https/)
  t.match(edited('{{ labels.deployment }}', '{{ target.name }}')[0], /cannot be made from itself/)
  t.match(edited('errors_total{', 'job:errors:rate5m{')[0], /say it with window:/)
  t.match(edited('[5m]', '[5m] @ 1609746000')[0], /@ fixes the instant/, 'such a query cannot date its symptom')
  t.match(edited('[{ action: rollout-undo }]', '[{ action: rollout-undo }, { action: rollout-undo }]')[0], /stands in the ladder twice/)
  t.match(edited('  prometheus: { url: "http://prometheus:9090" }\n', '')[0], /sources/)
  t.match(edited('version: 1', 'version: 2')[0], /^1:10 version: must be 1/)
  t.match(edited('webhook:', 'irc:')[0], /unknown key "irc"/)
})

t.test('a file that is empty, wrongly indented or no YAML says so', async t => {
  t.match(problemsOf('')[0], /the file is empty/)
  t.match(problemsOf('# nothing\n')[0], /the file is empty/)
  t.match(problemsOf('version: 1\n policies: []\n')[0], /^\d+:\d+ : not YAML/)
  t.match(problemsOf('version: 1\nversion: 1\npolicies: []\n')[0], /not YAML: Map keys must be unique/)
  t.match(problemsOf('[]')[0], /must be object/)
})

t.test('two policies of one name, also in two files', async t => {
  const twice = loadPolicies(
    [
      { file: 'a.yaml', text: GOOD },
      { file: 'b.yaml', text: GOOD }
    ],
    VOCABULARY
  )
  t.equal(twice.kind, 'bad')
  if (twice.kind === 'bad') {
    t.ok(twice.problems.some(problem => problem.file === 'b.yaml' && /taken/.test(problem.message)))
    t.ok(twice.problems.some(problem => /"sources" is said in another file/.test(problem.message)))
  }
})

t.test('a reload that fails leaves the policies in force; one that succeeds replaces them all at once', async t => {
  const file = join(t.testdir({ 'p.yaml': GOOD }), 'p.yaml')
  const opened = await openPolicyStore(file, VOCABULARY)
  if (opened.kind === 'bad') throw new Error('the good file did not load')
  const { store } = opened
  t.same(await store.reload(), { kind: 'unchanged' })

  writeFileSync(file, GOOD.replace('mode: auto', 'mode: autoo'))
  t.match(await store.reload(), { kind: 'bad', fresh: true })
  t.equal(store.policy('undo')?.mode, 'auto')
  t.match(await store.reload(), { kind: 'bad', fresh: false }, 'told again to whoever asks')

  writeFileSync(file, GOOD.replace('mode: auto', 'mode: off'))
  t.same(await store.reload(), { kind: 'loaded', policies: 1 })
  t.equal(store.policy('undo')?.mode, 'off')
})

t.test('matchers are Alertmanager’s: anchored, RE2, an absent label is empty', async t => {
  const matches = (source: string, labels: Readonly<Record<string, string>>): boolean => {
    const parsed = parseMatchers(source)
    if ('error' in parsed) throw new Error(parsed.error)
    return parsed.every(matcher => matcher.matches(labels[matcher.name] ?? ''))
  }
  t.equal(matches('a="b"', { a: 'b' }), true)
  t.equal(matches('a!="b"', {}), true)
  t.equal(matches('a=~"b"', { a: 'abc' }), false, 'anchored')
  t.equal(matches('a=~"b|c"', { a: 'c' }), true)
  t.equal(matches('a=~".*"', {}), true)
  t.equal(matches('a!~"b.*"', { a: 'bx' }), false)
  t.equal(matches('{a="b", c=~"d,e"}', { a: 'b', c: 'd,e' }), true)
  t.equal(matches('a="\\"quoted\\""', { a: '"quoted"' }), true)
  t.equal(matches('"we.ird"="x"', { 'we.ird': 'x' }), true)
  t.equal(matches('a=b', { a: 'b' }), true)
  for (const bad of ['', 'a', 'a=="b"', 'a="b', 'a=~"(?=x)"', 'a=~"\\\\1"']) t.ok('error' in parseMatchers(bad), bad)
})

t.test('a regular expression runs in linear time', async t => {
  const parsed = parseMatchers('a=~"(a+)+b"')
  if ('error' in parsed) throw new Error(parsed.error)
  // A backtracking engine needs 2^50 steps for this; RE2 walks the text once.
  t.equal(parsed[0]?.matches('a'.repeat(50)), false)
})

t.test('the index finds what a plain search in file order finds', async t => {
  const names = fc.constantFrom('A', 'B', 'C')
  const matcher = fc.oneof(
    names.map(name => `alertname="${name}"`),
    fc.constantFrom('alertname=~"A|B"', 'alertname!="A"', 'alertname=~".+"', 'severity="page"', 'severity!="page"', 'severity=~"p.*"')
  )
  const policies = fc.array(fc.array(matcher, { minLength: 1, maxLength: 3 }), { maxLength: 12 })
  fc.assert(
    fc.property(policies, fc.record({ alertname: names, severity: fc.constantFrom('page', 'warn') }), (lists, labels) => {
      const all = lists.map((match, index) => policyOf({ name: `p${index}`, match }))
      const plain = all.find(policy =>
        policy.match.every(source => {
          const parsed = parseMatchers(source)
          return !('error' in parsed) && parsed.every(one => one.matches(labels[one.name as keyof typeof labels] ?? ''))
        })
      )
      const index = indexPolicies(all)
      return index.match(labels)?.name === plain?.name && index.explain(labels).find(verdict => verdict.matches)?.policy === plain?.name
    }),
    { numRuns: 500 }
  )
  t.pass()
})

t.test('what an alert costs does not grow with policies that name another alert', async t => {
  const calls = new Map<number, number>()
  for (const count of [10, 1_000]) {
    let asked = 0
    const labels = new Proxy({ alertname: 'A0' } as Record<string, string>, {
      getOwnPropertyDescriptor(target, key) {
        asked += 1
        return Reflect.getOwnPropertyDescriptor(target, key)
      }
    })
    indexPolicies(Array.from({ length: count }, (_, index) => policyOf({ name: `p${index}`, match: [`alertname="A${index}"`] }))).match(
      labels
    )
    calls.set(count, asked)
  }
  t.equal(calls.get(10), calls.get(1_000), 'the labels are looked at as often for 1,000 policies as for 10')
})

t.test('thresholds', async t => {
  t.same(parseThreshold('> 0.05'), { comparison: '>', value: 0.05 })
  t.same(parseThreshold('>= 5%'), { comparison: '>=', value: 0.05 })
  t.same(parseThreshold('!=-1e3'), { comparison: '!=', value: -1000 })
  for (const bad of ['', '5', '=> 5', '> 5 %x', '> 1.2.3', '> .']) t.equal(parseThreshold(bad), undefined, bad)
})

t.test('the committed JSON Schema is the one that the code makes', async t => {
  t.same(
    JSON.parse(readFileSync('policies.schema.json', 'utf8')),
    JSON.parse(JSON.stringify(publishedSchema(VOCABULARY))),
    'run `npm run schema`'
  )
})

t.test('the starter policies.yaml loads as it is, in dry-run', async t => {
  const result = loadPolicies([{ file: 'policies.yaml', text: readFileSync('policies.yaml', 'utf8') }], VOCABULARY)
  if (result.kind === 'bad') throw new Error(JSON.stringify(result.problems))
  t.ok(result.set.policies.length > 0)
  t.ok(result.set.policies.every(policy => policy.mode === 'dry-run'))
})

t.test('what makes no new version: a policy’s own, else the defaults’, else nothing', async t => {
  const ignored = (text: string): unknown => {
    const result = loadPolicies([{ file: 'p.yaml', text }], VOCABULARY)
    if (result.kind === 'bad') throw new Error(JSON.stringify(result.problems))
    return result.set.policies[0]?.ignore
  }
  const withOwn = GOOD.replace('    steps:', '    ignoreEnv: ["STAKATER_*"]\n    steps:')
  const defaults = 'defaults: { ignoreAnnotations: ["checksum/*"] }\npolicies:'
  t.equal(ignored(GOOD), undefined)
  t.same(ignored(withOwn), { annotations: [], env: ['STAKATER_*'] })
  t.same(ignored(GOOD.replace('policies:', defaults)), { annotations: ['checksum/*'], env: [] })
  t.same(ignored(withOwn.replace('policies:', defaults)), { annotations: ['checksum/*'], env: ['STAKATER_*'] })
  t.match(edited('    steps:', '    ignoreEnv: STAKATER\n    steps:')[0], /ignoreEnv/)
})
