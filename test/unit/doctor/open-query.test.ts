import fc from 'fast-check'
import t from 'tap'
import { openQuery } from '../../../src/doctor/open-query.ts'
import { parsePromqlTemplate } from '../../../src/templates/promql.ts'
import type { Hole } from '../../../src/templates/template.ts'

const known =
  (values: Readonly<Record<string, string>>) =>
  (hole: Hole): string | undefined =>
    values[`${hole.root}.${hole.name}`]

t.test('a hole with a value is filled as for an alert, and any other takes any value', async t => {
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string, readonly string[]])[] = [
    ['sum(x{ns="{{ labels.ns }}"})', {}, 'sum(x{ns=~".+"})', ['labels.ns']],
    ['sum(x{ns="{{ labels.ns }}"})', { 'labels.ns': 'sh.op' }, 'sum(x{ns="sh.op"})', []],
    ['x{ns=~"{{ labels.ns }}"}', { 'labels.ns': 'sh.op' }, String.raw`x{ns=~"sh\\.op"}`, []],
    ['x{ns = "{{ labels.ns }}" , b="c"}', {}, 'x{ns =~".+" , b="c"}', ['labels.ns']],
    ["x{ns='{{ labels.ns }}'}", {}, 'x{ns=~".+"}', ['labels.ns']],
    ['x{pod="{{ labels.app }}-{{ labels.id }}"}', { 'labels.app': 'a.b' }, String.raw`x{pod=~"a\\.b-.+"}`, ['labels.id']],
    ['x{pod=~"{{ labels.app }}-[0-9]+"}', {}, 'x{pod=~".+-[0-9]+"}', ['labels.app']],
    ['x{pod=~"{{ target.pods }}"}', {}, 'x{pod=~".+"}', ['target.pods']],
    ['x{ns!="{{ labels.ns }}"}', {}, 'x{ns=~".*"}', ['labels.ns']],
    ['x{ns!="{{ labels.ns }}"}', { 'labels.ns': 'shop' }, 'x{ns!="shop"}', []],
    ['x{ns="{{ labels.ns }}"}', { 'labels.ns': '"quo\\te"' }, String.raw`x{ns="\"quo\\te\""}`, []],
    [
      'label_replace(x{a="{{ labels.a }}"}, "b=", "$1", "c", "=\\"(.*)")',
      {},
      'label_replace(x{a=~".+"}, "b=", "$1", "c", "=\\"(.*)")',
      ['labels.a']
    ],
    ['x{a="{{ labels.a }}"} # "it\'s\n+ y{b="{{ labels.a }}"}', {}, 'x{a=~".+"} # "it\'s\n+ y{b=~".+"}', ['labels.a']],
    ['x', {}, 'x', []]
  ]
  for (const [source, values, promql, open] of cases) t.same(openQuery(source, known(values)), { promql, open }, source)
})

t.test('whatever a label holds, the query stays one', async t => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.constantFrom('=', '=~', '!=', '!~'), (value, operator) => {
      const { promql } = openQuery(`sum(x{a${operator}"{{ labels.a }}-{{ labels.b }}"})`, known({ 'labels.a': value, 'labels.b': value }))
      // What stands in a query is no template.
      const parsed = parsePromqlTemplate(promql.replaceAll('{{', '((').replaceAll('}}', '))'))
      if ('error' in parsed) throw new Error(`${promql}: ${parsed.error}`)
    })
  )
  t.pass()
})
