import t from 'tap'
import { alertnamesOf, parseMatchers } from '../../../src/policies/matchers.ts'

function matches(source: string, labels: Readonly<Record<string, string>>): boolean {
  const parsed = parseMatchers(source)
  if ('error' in parsed) throw new Error(parsed.error)
  return parsed.every(matcher => matcher.matches(labels[matcher.name] ?? ''))
}

t.test('escapes mean what either of Alertmanager’s parsers makes of them', async t => {
  t.equal(matches(String.raw`site="caf\u00e9"`, { site: 'café' }), true, 'the UTF-8 parser')
  t.equal(matches(String.raw`site="caf\u00e9"`, { site: String.raw`caf\u00e9` }), true, 'the classic parser')
  t.equal(matches(String.raw`site!="caf\u00e9"`, { site: 'café' }), false)
  t.equal(matches(String.raw`site!="caf\u00e9"`, { site: String.raw`caf\u00e9` }), false, 'what is not meant must not be either')
  t.equal(matches(String.raw`site=~"caf\u00e9|x"`, { site: 'café' }), true, 'RE2 knows no \\u')
  t.equal(matches(String.raw`a="\x41\101\U0001f600"`, { a: 'AA😀' }), true)
  t.equal(matches(String.raw`a="b\tc"`, { a: 'b\tc' }), true)
  t.equal(matches(String.raw`a="b\nc"`, { a: 'b\nc' }), true)
  t.equal(matches(String.raw`a=~"b\.c"`, { a: 'b.c' }), true, 'no escape of Go: the classic parser leaves the backslash to the expression')
  t.equal(matches(String.raw`a=~"b\.c"`, { a: 'bxc' }), false)
  t.equal(matches(String.raw`a=~"b\b.*"`, { a: 'b c' }), true, 'a word boundary, and not only a backspace')
  t.equal(matches(String.raw`"na\u006de"="x"`, { name: 'x' }), true)
  t.equal(matches('{a="b", c="d",}', { a: 'b', c: 'd' }), true, 'a comma may end the list')
  t.equal(matches('a="},{"', { a: '},{' }), true)
})

t.test('a policy whose name has two readings is found by both', async t => {
  const parsed = parseMatchers(String.raw`alertname="caf\u00e9"`)
  t.same('error' in parsed ? parsed : alertnamesOf(parsed), ['café', String.raw`caf\u00e9`])
})

t.test('what neither parser can read, and what only looks like a matcher, is refused', async t => {
  for (const bad of [
    '{a="b"',
    'a="b"}',
    'a="b",,c="d"',
    ',',
    'a="b" c="d"',
    String.raw`"a\xff"="b"`,
    '""="b"',
    'a=',
    "a='b'",
    'a==b',
    'a=`b`',
    'a="\ud800"'
  ])
    t.ok('error' in parseMatchers(bad), bad)
})
