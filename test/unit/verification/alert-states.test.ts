import t from 'tap'
import type { HttpRequest, HttpResult } from '../../../src/outgoing/http-client.ts'
import { alertmanagerStates } from '../../../src/verification/alert-states.ts'

const LABELS = { alertname: 'A', namespace: 'shop' }
const alertOf = (labels: Readonly<Record<string, string>>, silencedBy: readonly string[] = [], more: object = {}) => ({
  labels,
  status: { state: 'active', silencedBy, inhibitedBy: [], mutedBy: [] },
  ...more
})

/** An Alertmanager that keeps what it was asked. */
function scene(body: () => unknown, status = 200) {
  const asked: string[] = []
  const request = async ({ url }: HttpRequest): Promise<HttpResult> => {
    asked.push(new URL(String(url)).searchParams.get('filter') ?? '')
    return { kind: 'response', status, headers: {}, body: JSON.stringify(body()), sentAt: 0, receivedAt: 1 }
  }
  return {
    asked,
    states: alertmanagerStates({ url: 'http://am/', client: { request, state: () => 'closed' } }),
    soon: new AbortController().signal
  }
}

t.test('an alert is found by its labels, whatever stands in them, and asked for by its name alone', async t => {
  const odd = { ...LABELS, path: 'a\tb', quote: '"' }
  const { states, soon, asked } = scene(() => [alertOf(LABELS), alertOf(odd, ['s1'])])
  t.same(await states.stateOf(odd, soon), { kind: 'known', silencedBy: ['s1'], inhibitedBy: [] })
  t.same(await states.stateOf(LABELS, soon), { kind: 'known', silencedBy: [], inhibitedBy: [] })
  t.same(asked, ['alertname="A"', 'alertname="A"'])
  const { states: others, asked: filters } = scene(() => [])
  await others.stateOf({ alertname: 'a\tb"é' }, soon)
  await others.stateOf({ other: 'x' }, soon)
  t.same(filters, ['alertname=~"a(?s:.)b(?s:.)(?s:.)"', 'alertname=""'])
})

t.test('a label more does not get past a silence, and a label less is another alert', async t => {
  const { states, soon } = scene(() => [alertOf(LABELS, ['s1']), alertOf({ ...LABELS, pod: 'x' }, ['s2'])])
  t.same(await states.stateOf({ ...LABELS, forged: '1' }, soon), { kind: 'absent', lesser: { silencedBy: ['s1'], inhibitedBy: [] } })
  t.same(await states.stateOf({ alertname: 'A' }, soon), { kind: 'absent' })
})

t.test('an answer that cannot be read whole is no answer: what is missing may be the silenced one', async t => {
  const broken: readonly unknown[] = [
    {},
    'x',
    [alertOf(LABELS), null],
    [alertOf(LABELS), { labels: LABELS }],
    [alertOf(LABELS), { ...alertOf({}), labels: { alertname: 'A', pod: 3 } }],
    [alertOf(LABELS), alertOf(LABELS, [], { status: { silencedBy: 'x', inhibitedBy: [] } })]
  ]
  for (const body of broken) {
    const { states, soon } = scene(() => body)
    t.equal((await states.stateOf(LABELS, soon)).kind, 'unreachable', JSON.stringify(body))
  }
  const { states, soon } = scene(() => [], 503)
  t.equal((await states.stateOf(LABELS, soon)).kind, 'unreachable')
})

t.test('a thousand alerts of one name ask twice, and nobody gets an answer from before the question', async t => {
  let silenced: readonly string[] = []
  const { states, soon, asked } = scene(() => [alertOf(LABELS, silenced)])
  const first = states.stateOf(LABELS, soon)
  silenced = ['s1']
  const all = await Promise.all(Array.from({ length: 1_000 }, () => states.stateOf(LABELS, soon)))
  await first
  t.ok(asked.length <= 2, `${asked.length} questions`)
  t.ok(all.every(state => state.kind === 'known' && state.silencedBy.includes('s1')))
})

t.test('who gives up waiting is told so, and the others get their answer', async t => {
  const never = alertmanagerStates({ url: 'http://am', client: { request: () => new Promise(() => {}), state: () => 'closed' } })
  t.match(await never.stateOf(LABELS, AbortSignal.abort()), { kind: 'unreachable' })
})
