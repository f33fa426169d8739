import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { loadPolicies } from '../../../src/policies/load.ts'
import type { PolicyProblem } from '../../../src/policies/problem.ts'
import { openPolicyStore } from '../../../src/policies/store.ts'

const GOOD = `version: 1
sources:
  prometheus: { url: "http://prometheus:9090", headers: { X-Scope-OrgID: team-a } }
channels:
  people: { webhook: { url: "https://example.org/hook" } }
policies:
  - name: undo
    match: ['alertname="A"']
    target: { kind: Deployment, namespace: "{{ labels.namespace }}", name: api }
    verify:
      - promql: sum(rate(errors_total{namespace="{{ target.namespace }}"}[5m]))
        failWhen: "> 5%"
    steps:
      - action: rollout-undo
        with: { provenFor: 10m }
`

function problemsIn(text: string): readonly PolicyProblem[] {
  const result = loadPolicies([{ file: 'p.yaml', text }], VOCABULARY)
  return result.kind === 'bad' ? result.problems : []
}

const told = (text: string): string[] => problemsIn(text).map(problem => `${problem.line}:${problem.column} ${problem.message}`)

function edited(from: string, to: string): string {
  if (!GOOD.includes(from)) throw new Error(`the good file has no ${from}`)
  return GOOD.replace(from, () => to)
}

t.test('what YAML cannot read is told with its place, and with what to write', async t => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['an alias that leads nowhere', edited('"> 5%"', '*nope'), /^12:19 not YAML: \*nope is an alias, and no &nope stands before it$/],
    ['an alias inside its own anchor', edited(`['alertname="A"']`, '&m [*m]'), /^8:16 .*would contain itself/],
    ['a comparison', edited('"> 5%"', '> 5%'), /^12:19 .*put it in quotes: "> 5%" \(/],
    ['a comparison that is the head of a block', edited('"> 5%"', '>5'), /^12:19 .*put it in quotes: ">5"$/],
    ['at least', edited('"> 5%"', '>= 5'), /^12:19 .*put it in quotes: ">= 5" \(/],
    ['not equal, which is a tag', edited('"> 5%"', '!= 5'), /^12:19 .*put it in quotes: "!= 5" \(/],
    [
      'a template',
      edited('"{{ labels.namespace }}"', '{{ labels.namespace }}'),
      /^9:44 .*a template needs quotes: "\{\{ labels\.namespace \}\}"$/
    ],
    [
      'a template with something behind it',
      edited('target: { kind: Deployment, namespace: "{{ labels.namespace }}", name: api }', 'target:\n      kind: {{ labels.kind }}-x\n'),
      /^10:13 .*put it in quotes: "\{\{ labels\.kind \}\}-x" \(/
    ],
    [
      'a query that is a map',
      edited(/- promql: .*/.exec(GOOD)?.[0] ?? '', '- promql: {job="api"}'),
      /^11:17 must be string: put it in quotes, as in '\{job="api"\}'/
    ],
    ['a tenant that is a number', edited('team-a', '7'), /^3:74 must be string: put it in quotes, as in "7"/],
    ['tabs', edited('    target:', '\ttarget:'), /^9:1 .*[Tt]abs.*use spaces/],
    ['an escape of a regular expression', edited(`'alertname="A"'`, '"alertname=~A\\d"'), /^8:26 .*single quotes/],
    ['a query inside braces', edited('{ webhook:', '{ x: sum(up{job="a"}), webhook:'), /^5:\d+ .*put the whole value in quotes/],
    ['a second document', `${GOOD}---\n${GOOD}`, /^\d+:1 .*a file is one document/],
    ['a byte order mark between two files', `${GOOD}\ufeff# more\n`, /^16:1 .*byte order mark/],
    ['UTF-16', Buffer.from(`\ufeff${GOOD}`, 'utf16le').toString('utf8'), /^1:1 .*not UTF-8/],
    ['a control character', edited('api', 'a\u0007pi'), /^9:\d+ .*U\+0007/],
    ['brackets without end', `${GOOD}x: ${'['.repeat(3_000)}`, /^16:\d+ .*nested more than 100 deep/],
    ['dashes without end', `${'- '.repeat(3_000)}x`, /^1:\d+ .*nested more than 100 deep/],
    ['a merge of a number', edited('with: { provenFor: 10m }', 'with: { <<: 5 }'), /^15:17 .*a merge key \(<<\) takes a map/],
    [
      'a billion laughs',
      `a: &a [${'x,'.repeat(9)}x]\n${['b', 'c', 'd', 'e', 'f', 'g'].map((key, index) => `${key}: &${key} [${`*${'abcdef'[index]},`.repeat(10)}]`).join('\n')}`,
      /^\d+:\d+ .*aliases make more than 100000 values/
    ]
  ]
  for (const [name, text, message] of cases) t.match(told(text)[0], message, name)
})

t.test('a byte order mark at the start, many aliases and merge keys are no faults', async t => {
  t.same(told(`\ufeff${GOOD}`), [])
  t.match(told(`\ufeffversions: 1\n${GOOD}`)[0], /^1:1 .*unknown key|^1:1 /, 'and it shifts no column')
  const policies = Array.from({ length: 300 }, (_, index) => `  - { <<: *p, name: p${index} }`).join('\n')
  t.same(told(`${GOOD.replace('- name: undo', '- &p\n    name: undo')}${policies}\n`), [])
})

t.test('no text makes the loader throw, and each problem has a place in the file', async t => {
  const pieces = fc.constantFrom(
    '{{ x }}',
    '> 5',
    '&a ',
    '*a',
    '!x ',
    '<<: ',
    '- ',
    '\t',
    '\n',
    '"',
    "'",
    '[',
    '{',
    '}',
    ']',
    ': ',
    '#',
    '|',
    '@',
    '\u0000',
    '\ufeff',
    '~',
    '.nan',
    '1e999',
    '__proto__: ',
    '? ',
    '---\n',
    '%YAML 1.1\n---\n',
    '\ud800',
    '\r'
  )
  // Half of the mutations stand where a value or a line begins, because there most texts mean something.
  const beginnings = [...GOOD.matchAll(/(?<=: |- |\n|\[)/g)].map(found => found.index)
  const mutation = fc.record({
    at: fc.oneof(fc.constantFrom(...beginnings), fc.nat(GOOD.length)),
    cut: fc.option(fc.nat(30)),
    put: fc.oneof(pieces, fc.string({ maxLength: 5 })),
    from: fc.option(fc.nat(GOOD.length))
  })
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), mutations => {
      const text = mutations.reduce(
        (whole, { at, cut, put, from }) =>
          whole.slice(0, at) +
          (from === null ? put : GOOD.slice(from, from + 40)) + // Without a number the rest of the line goes.
          whole.slice(cut === null ? Math.max(at, whole.indexOf('\n', at)) : at + cut),
        GOOD
      )
      const lines = text.split('\n').length
      for (const { line, column, message } of problemsIn(text)) {
        if (!(line >= 1 && line <= lines && column >= 1)) throw new Error(`${line}:${column} is no place: ${message}`)
        if (/\.ts:\d|\n\s+at /.test(message) || message.endsWith(': ')) throw new Error(`not for people: ${message}`)
      }
    }),
    { numRuns: 500 }
  )
  t.pass()
})

t.test('no value makes the loader throw, wherever it stands', async t => {
  const good: unknown = JSON.parse(JSON.stringify(parsed()))
  const places = pathsOf(good)
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 3 }), (path, value) => {
      for (const { message } of problemsIn(JSON.stringify(withValue(good, path, value))))
        if (message === '') throw new Error('says nothing')
    }),
    { numRuns: 500 }
  )
  t.pass()
})

t.test('a reload that failed is failed until the file is good', async t => {
  const file = join(t.testdir({ 'p.yaml': GOOD }), 'p.yaml')
  const opened = await openPolicyStore(file, VOCABULARY)
  if (opened.kind === 'bad') throw new Error('the good file did not load')
  const { store } = opened

  writeFileSync(file, edited('"> 5%"', '*nope'))
  t.match(await store.reload(), { kind: 'bad', fresh: true, problems: [{ line: 12, column: 19 }] })
  t.match(await store.reload(), { kind: 'bad', fresh: false, problems: [{ line: 12, column: 19 }] })
  rmSync(file)
  t.match(await store.reload(), { kind: 'bad', fresh: true, problems: [{ file, message: /there is no/ }] }, 'a file that is gone')
  t.match(await store.reload(), { kind: 'bad', fresh: false })
  mkdirSync(file)
  t.match(await store.reload(), { kind: 'bad', fresh: true, problems: [{ message: /there is no \.yaml file/ }] }, 'a folder in its place')
  rmSync(file, { recursive: true })
  writeFileSync(file, GOOD)
  t.match(await store.reload(), { kind: 'loaded' }, 'the old text again is good')
  t.match(await store.reload(), { kind: 'unchanged' })
  t.equal(store.policy('undo')?.name, 'undo')
})

function parsed(): unknown {
  return {
    version: 1,
    sources: { prometheus: { url: 'http://p', headers: { a: 'b' }, basicAuth: { username: 'u', passwordFile: 'f' } } },
    channels: { people: { webhook: { url: 'https://example.org/hook' } } },
    defaults: {
      mode: 'auto',
      guards: { namespaces: ['a'], budgets: [{ limit: 1, per: '1h', scope: 'global' }] },
      escalate: { to: ['people'] }
    },
    policies: [
      {
        name: 'undo',
        match: ['alertname="A"'],
        target: { kind: 'Deployment', namespace: '{{ labels.namespace }}', name: 'api' },
        verify: [{ promql: 'sum(rate(e[5m]))', failWhen: '> 5%', traffic: { promql: 'sum(x)', atLeast: 1 } }],
        steps: [
          {
            action: 'rollout-undo',
            with: { provenFor: '10m' },
            when: { changedWithin: '1h', queries: [{ promql: 'x', holdsWhen: '> 1' }] }
          },
          { action: 'http', with: { url: 'https://example.org', body: { a: '{{ labels.b }}' } } }
        ]
      }
    ]
  }
}

type Path = readonly (string | number)[]

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, entry]) => pathsOf(entry, [...path, Array.isArray(value) ? Number(key) : key]))]
}

function withValue(whole: unknown, [first, ...rest]: Path, value: unknown): unknown {
  if (first === undefined) return value
  if (Array.isArray(whole)) return whole.map((entry: unknown, index) => (index === first ? withValue(entry, rest, value) : entry))
  return typeof whole === 'object' && whole !== null
    ? Object.fromEntries(Object.entries(whole).map(([key, entry]) => [key, key === first ? withValue(entry, rest, value) : entry]))
    : whole
}
