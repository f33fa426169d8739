import { parser } from '@prometheus-io/lezer-promql'
import fc from 'fast-check'
import t from 'tap'
import { isObjectName, renderObjectName } from '../../../src/templates/object-name.ts'
import { parsePromqlTemplate, quoteRegex, renderPromql } from '../../../src/templates/promql.ts'
import { parseTemplate } from '../../../src/templates/template.ts'
import { parseUrlTemplate, renderUrl } from '../../../src/templates/url.ts'

const values = (value: string) => ({ labels: { x: value }, annotations: {}, target: { namespace: value, pods: 'api-1|api-2' } })
/** Everything but lone surrogates, which have no UTF-8 form. */
const texts = fc.string({ unit: 'binary', minLength: 1 }).filter(text => text.isWellFormed())

/** What Go's strconv.Unquote makes of a double-quoted literal, for the escapes that we write. */
function unquote(literal: string): string {
  return literal
    .slice(1, -1)
    .replaceAll(/\\(?:u([0-9a-f]{4})|(.))/gs, (_, code: string | undefined, char: string) =>
      code === undefined ? char : String.fromCharCode(Number.parseInt(code, 16))
    )
}

t.test('PromQL: whatever a label says, it stays one string in one matcher', async t => {
  fc.assert(
    fc.property(texts, value => {
      const rendered = renderPromql('sum(rate(a{x="{{ labels.x }}", y="z"}[5m]))', values(value))
      if (rendered.kind !== 'text') throw new Error(rendered.kind)
      const literals: string[] = []
      let broken = false
      parser.parse(rendered.text).iterate({
        enter(node) {
          if (node.type.isError) broken = true
          if (node.name === 'StringLiteral') literals.push(rendered.text.slice(node.from, node.to))
        }
      })
      return !broken && literals.length === 2 && literals[1] === '"z"' && unquote(literals[0] ?? '') === value
    }),
    { numRuns: 500 }
  )
  t.pass()
})

t.test('PromQL: in a regular expression a value matches itself only', async t => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), value => new RegExp(`^(?:${quoteRegex(value)})$`).test(value)),
    { numRuns: 300 }
  )
  t.same(renderPromql('a{x=~"{{ labels.x }}.*"}', values('a.b|c')), { kind: 'text', text: 'a{x=~"a\\\\.b\\\\|c.*"}' })
  t.same(
    renderPromql('a{pod=~"{{ target.pods }}"}', values('n')),
    { kind: 'text', text: 'a{pod=~"api-1|api-2"}' },
    'pods are a regular expression already'
  )
})

t.test('PromQL: a hole outside the quotes of a matcher is an error at load', async t => {
  for (const query of [
    'sum({{ labels.x }})',
    'a{{{ labels.x }}="y"}',
    'rate(a[{{ labels.x }}])',
    'label_replace(a, "{{ labels.x }}", "", "", "")',
    'a{x=`{{ labels.x }}`}',
    'sum({"{{ labels.x }}"})',
    'a{"{{ labels.x }}"="y"}',
    'a{pod="{{ target.pods }}"}',
    'a{x="{{ nothing.x }}"}',
    'a{x="{{ labels }}"}',
    'sum(rate(a[5m)',
    ''
  ]) {
    t.ok('error' in parsePromqlTemplate(query), query)
  }
})

t.test('PromQL: the window is the longest range, or has to be said', async t => {
  const windowOf = (query: string) => {
    const parsed = parsePromqlTemplate(query)
    return 'error' in parsed ? parsed.error : parsed.window
  }
  t.equal(windowOf('sum(rate(a[2m])) / sum(rate(b[1h30m]))'), 5_400_000)
  t.equal(windowOf('up'), 0)
  for (const query of ['job:errors:rate5m', 'max_over_time(rate(a[1m])[30m:1m])', 'rate(a[5m] offset 1h)', 'rate(a[5m] @ 1609746000)'])
    t.equal(windowOf(query), undefined, query)
  const bound = (query: string) => {
    const parsed = parsePromqlTemplate(query)
    return 'error' in parsed ? parsed.error : parsed.boundToPods
  }
  t.equal(bound('rate(a{pod=~"{{ target.pods }}"}[5m])'), true)
  t.equal(bound('rate(a{pod=~"{{ target.pods }}"}[5m]) / rate(b[5m])'), false, 'every selector must name the pods')
})

t.test('object names: only valid ones are let through', async t => {
  fc.assert(
    fc.property(texts, value => {
      const rendered = renderObjectName('{{ labels.x }}', 'name', values(value))
      return rendered.kind === 'text' ? isObjectName('name', rendered.text) && rendered.text === value : rendered.kind === 'unsafe'
    }),
    { numRuns: 500 }
  )
  for (const bad of ['../x', 'a/b', 'A', 'a b', 'a?x=y', `a${'b'.repeat(300)}`, '-a', 'a%2f'])
    t.equal(renderObjectName('{{ labels.x }}', 'name', values(bad)).kind, 'unsafe', bad)
  t.equal(renderObjectName('{{ labels.x }}', 'namespace', values('a.b')).kind, 'unsafe', 'a namespace has no dots')
  t.same(renderObjectName('{{ labels.y }}', 'name', values('x')), { kind: 'missing', name: 'labels.y' })
  t.same(
    renderObjectName('{{ labels.x }}', 'name', values('')),
    { kind: 'missing', name: 'labels.x' },
    'empty is missing: it would select everything'
  )
  t.same(renderObjectName('{{ labels.constructor }}', 'name', values('x')), { kind: 'missing', name: 'labels.constructor' })
})

t.test('URLs: a label chooses one path segment or query value, never the host', async t => {
  fc.assert(
    fc.property(texts, value => {
      const rendered = renderUrl('https://admin.example/pods/{{ labels.x }}/reset?by={{ labels.x }}', values(value))
      if (rendered.kind !== 'text') return true
      const url = new URL(rendered.text)
      return (
        url.host === 'admin.example' &&
        url.pathname.split('/').length === 4 &&
        decodeURIComponent(url.pathname.split('/')[2] ?? '') === value &&
        url.hash === '' &&
        [...url.searchParams.keys()].join() === 'by'
      )
    }),
    { numRuns: 500 }
  )
  for (const bad of ['https://{{ labels.x }}/a', 'https://a.{{ labels.x }}/', '{{ labels.x }}', 'ftp://a/{{ labels.x }}'])
    t.ok('error' in parseUrlTemplate(bad), bad)
  t.equal(renderUrl('https://a/{{ labels.x }}', values('..')).kind, 'unsafe')
})

t.test('templates that are none are errors', async t => {
  for (const bad of ['{{', '{{ labels.x', '{{ labels.x | upper }}', '{{ .Labels.x }}', '{{labels["a"b"]}}'])
    t.ok('error' in parseTemplate(bad), bad)
})
