import { parseMatchers } from '../../src/policies/matchers.ts'
import { waitUntil } from './world/world.ts'

/** Values of one label that tell readings apart. */
const VALUES: readonly string[] = [
  'b',
  'café',
  String.raw`caf\u00e9`,
  'a\tb',
  String.raw`a\tb`,
  'a\nb',
  'a"b',
  String.raw`a\b`,
  String.raw`a\\b`,
  'a.b',
  'axb',
  'A',
  String.raw`\x41`,
  '\u0007',
  '😀',
  'a,b',
  '{b}',
  ' b ',
  "'b'",
  'b foo',
  'bfoo'
]

/** What stands between the quotes of a matcher. */
const WRITTEN: readonly string[] = [
  'b',
  'café',
  String.raw`caf\u00e9`,
  String.raw`caf\U000000e9`,
  String.raw`caf\xc3\xa9`,
  String.raw`caf\303\251`,
  String.raw`caf\xe9`,
  String.raw`a\tb`,
  'a\tb',
  String.raw`a\nb`,
  'a\nb',
  String.raw`a\"b`,
  String.raw`a\\b`,
  String.raw`a\b`,
  String.raw`a\.b`,
  'a.b',
  String.raw`\x41`,
  String.raw`\101`,
  String.raw`\a`,
  String.raw`\U0001f600`,
  String.raw`\ud800`,
  '😀',
  'a,b',
  '{b}',
  ' b ',
  "'b'",
  String.raw`b\b.*`,
  String.raw`b\sfoo`,
  String.raw`a\d`,
  '(',
  String.raw`\'b\'`,
  ''
]
const OPERATORS = ['=', '!=', '=~', '!~'] as const

export const MATCHERS: readonly string[] = WRITTEN.flatMap(text => OPERATORS.map(operator => `v${operator}"${text}"`))

/** The values that a real Alertmanager finds by each matcher; undefined where it refuses the matcher. */
export async function foundByAlertmanager(url: string): Promise<ReadonlyMap<string, readonly string[] | undefined>> {
  const posted = await fetch(`${url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(VALUES.map(v => ({ labels: { alertname: 'Contract', v } })))
  })
  if (!posted.ok) throw new Error(`the alerts were refused: ${posted.status} ${await posted.text()}`)
  await waitUntil(async () => (await ask(url, 'alertname="Contract"'))?.length === VALUES.length, 'all alerts are there')
  const found = new Map<string, readonly string[] | undefined>()
  for (const matcher of MATCHERS) found.set(matcher, await ask(url, matcher))
  return found
}

async function ask(url: string, filter: string): Promise<readonly string[] | undefined> {
  const answer = await fetch(`${url}/api/v2/alerts?${new URLSearchParams({ filter })}`)
  if (answer.status === 400) return undefined
  const alerts = (await answer.json()) as readonly { readonly labels: { readonly v: string } }[]
  return alerts.map(({ labels }) => labels.v).sort()
}

/** The values that a policy's matcher finds; undefined where the loader refuses it. */
export function foundByPolicy(matcher: string): readonly string[] | undefined {
  const parsed = parseMatchers(matcher)
  return 'error' in parsed ? undefined : VALUES.filter(value => parsed.every(one => one.matches(value))).sort()
}

export function isNegative(matcher: string): boolean {
  return matcher.startsWith('v!')
}
