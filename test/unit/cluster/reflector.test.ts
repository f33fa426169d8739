import t from 'tap'
import type { Clock } from '../../../src/base/clock.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import { startReflector } from '../../../src/cluster/reflector.ts'
import type { KubeAnswer } from '../../../src/domain/ports/kube.ts'
import { NOON } from '../../support/workloads.ts'

const PATH = '/apis/apps/v1/namespaces/shop/deployments'

/** How one watch goes: what it tells, how long it lives, and how it ends. */
interface Episode {
  readonly events?: readonly JsonObject[]
  readonly livesMs?: number
  readonly opens?: false
  readonly end?: KubeAnswer
}

const ended: KubeAnswer = { kind: 'ok', status: 200, object: {} }
const broken: KubeAnswer = { kind: 'unreachable', detail: 'ECONNRESET' }
const listOf = (names: readonly string[], version: string): KubeAnswer => ({
  kind: 'ok',
  status: 200,
  object: { metadata: { resourceVersion: version }, items: names.map(name => ({ metadata: { name } })) }
})
const event = (type: string, name: string, version: string): JsonObject => ({
  type,
  object: { metadata: { name, resourceVersion: version } }
})
const bookmark = (version: string): JsonObject => ({ type: 'BOOKMARK', object: { metadata: { resourceVersion: version } } })
const gone: JsonObject = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }

/** Plays lists and watches as they are written down, and stops after the last. Time passes only in watches and waits. */
async function play(lists: readonly KubeAnswer[], episodes: readonly Episode[]) {
  const stop = new AbortController()
  let now = NOON
  const said: string[] = []
  const waits: number[] = []
  const states: string[] = []
  const nextLists = [...lists]
  const nextEpisodes = [...episodes]
  const clock: Clock = {
    now: () => now,
    async sleep(ms) {
      waits.push(ms)
      now += ms
    }
  }
  const reflector = startReflector(
    {
      client: {
        async page() {
          const answer = nextLists.shift()
          said.push('list')
          if (answer !== undefined) return answer
          stop.abort()
          return broken
        },
        async watch(path, onEvent, _signal, opened) {
          const episode = nextEpisodes.shift()
          if (episode === undefined) {
            stop.abort()
            return broken
          }
          const query = new URL(path, 'http://x').searchParams
          said.push(`watch ${query.get('resourceVersion')}`)
          t.equal(query.get('allowWatchBookmarks'), 'true')
          t.ok(Number(query.get('timeoutSeconds')) >= 300 && Number(query.get('timeoutSeconds')) <= 600)
          if (episode.opens !== false) opened?.()
          for (const one of episode.events ?? []) onEvent(one)
          now += episode.livesMs ?? 400_000
          return episode.end ?? ended
        }
      },
      path: PATH,
      clock,
      random: () => 0.5,
      changed: (state, detail) => states.push(detail === '' ? state : `${state}: ${detail}`),
      reflection: {
        list() {
          const names: string[] = []
          return {
            async page(items) {
              for (const item of items) names.push((item as { metadata: { name: string } }).metadata.name)
            },
            complete: () => void said.push(`has ${names.join(' ')}`)
          }
        },
        event(type, object, { late }) {
          said.push(`${type} ${String((object['metadata'] as JsonObject)['name'])}${late ? ' (late)' : ''}`)
        }
      }
    },
    stop.signal
  )
  await reflector.ended
  return { said, waits, states, reflector }
}

t.test('a watch that ends as it should goes on where it was, by an event or a bookmark, at once and without a list', async t => {
  const { said, waits, states } = await play(
    [listOf(['a', 'b'], '10')],
    [
      { events: [event('MODIFIED', 'a', '12'), bookmark('40')] },
      { events: [event('DELETED', 'b', '41')] },
      { events: [bookmark('90')] },
      {}
    ]
  )
  t.same(said, ['list', 'has a b', 'watch 10', 'MODIFIED a', 'watch 40', 'DELETED b', 'watch 41', 'watch 90'])
  t.equal(waits.length, 1, 'but after the one that told nothing')
  t.same(states, ['watching'])
})

t.test('one that is cut goes on where it was, after a wait that grows; what comes then may be late', async t => {
  const cut: Episode = { opens: false, end: broken, livesMs: 0 }
  const { said, waits, states } = await play(
    [listOf(['a'], '10')],
    [
      { events: [event('MODIFIED', 'a', '12')], end: broken },
      cut,
      cut,
      { events: [event('MODIFIED', 'a', '13'), bookmark('14'), event('MODIFIED', 'a', '15')] },
      {}
    ]
  )
  t.same(
    said.filter(one => one === 'list'),
    ['list'],
    'once'
  )
  t.same(said.slice(4), ['watch 12', 'watch 12', 'watch 12', 'MODIFIED a (late)', 'MODIFIED a', 'watch 15'])
  t.same(waits.slice(0, 3), [750, 1_500, 3_000], 'three quarters of 1, 2 and 4 s, as chance was one half')
  t.same(states, ['watching', 'unreachable: ECONNRESET', 'watching'])
})

t.test('a version that the server has forgotten: listed anew, by itself', async t => {
  for (const end of [{ events: [gone] }, { opens: false, end: { kind: 'error', status: 410, detail: 'too old' } }] satisfies Episode[]) {
    const { said, states } = await play([listOf(['a'], '10'), listOf(['a', 'b'], '70')], [end, { events: [bookmark('71')] }, {}])
    t.same(said, ['list', 'has a', 'watch 10', 'list', 'has a b', 'watch 70', 'watch 71'])
    t.notOk(
      states.some(state => /unreachable/.test(state)),
      'that is no fault'
    )
  }
})

t.test('a list that is forgotten as soon as it is made is not made again and again without a wait', async t => {
  const again = Array.from({ length: 6 }, () => listOf([], '1'))
  const { waits } = await play(
    again,
    Array.from({ length: 6 }, () => ({ events: [gone], livesMs: 0 }))
  )
  t.same(waits, [750, 1_500, 3_000, 6_000, 12_000, 24_000])
})

t.test('a watch that ends at once is not opened tens of times a second', async t => {
  const brief: Episode = { events: [bookmark('11')], livesMs: 20 }
  const { waits } = await play([listOf([], '10')], [brief, brief, brief])
  t.equal(waits.length, 3)
})

t.test('two watches without an event and without a bookmark: listed anew, and told as behind until something comes', async t => {
  const silent: Episode = { livesMs: 150_000, end: { kind: 'unreachable', detail: 'nothing came', problem: 'deadline' } }
  const { said, states } = await play(
    [listOf(['a'], '10'), listOf(['a'], '50')],
    [silent, silent, { livesMs: 90_000, end: broken }, { events: [bookmark('60')] }]
  )
  t.same(said, ['list', 'has a', 'watch 10', 'watch 10', 'list', 'has a', 'watch 50', 'watch 50'])
  t.match(states, ['watching', 'listing', /^behind: neither an event nor a bookmark.*proxy/, 'watching'])
})

t.test('an event that cannot be read does not stop everything: after five tries the objects are listed anew', async t => {
  const unreadable: Episode = { livesMs: 10, end: { kind: 'unreachable', detail: 'a watch event is not valid JSON' } }
  const { said } = await play([listOf([], '10'), listOf([], '20')], [unreadable, unreadable, unreadable, unreadable, unreadable, {}])
  t.same(said.slice(-3), ['list', 'has ', 'watch 20'])
})

t.test('what it cannot see it says, and why; and it sees again by itself', async t => {
  const forbidden: KubeAnswer = { kind: 'error', status: 403, detail: 'deployments.apps is forbidden' }
  const cases: readonly (readonly [KubeAnswer, string])[] = [
    [forbidden, 'forbidden: deployments.apps is forbidden'],
    [{ kind: 'error', status: 401, detail: 'Unauthorized' }, 'forbidden: Unauthorized'],
    [{ kind: 'error', status: 404, detail: '404 with a body that is not JSON' }, 'not-served: 404 with a body that is not JSON'],
    [{ kind: 'error', status: 500, detail: 'etcdserver: leader changed' }, 'unreachable: etcdserver: leader changed'],
    [broken, 'unreachable: ECONNRESET']
  ]
  for (const [answer, told] of cases) {
    const { states, said } = await play([answer, answer, listOf(['a'], '10')], [{ events: [bookmark('11')] }])
    t.same(states, [told, 'listing', 'watching'], told)
    t.same(said.slice(0, 3), ['list', 'list', 'list'])
  }
  const { states, said } = await play([listOf(['a'], '10')], [{ opens: false, end: forbidden }, { events: [bookmark('11')] }])
  t.same(states, ['watching', 'forbidden: deployments.apps is forbidden', 'watching'], 'the right to watch alone is missing')
  t.same(said.filter(one => one === 'list').length, 1)
})

t.test('a single object that is too long to be read', async t => {
  const tooLarge: KubeAnswer = { kind: 'unreachable', detail: 'more than 16 MiB', problem: 'too-large' }
  const { states } = await play(
    Array.from({ length: 5 }, () => tooLarge),
    []
  )
  t.same(states, ['too-large: more than 16 MiB'])
})

t.test('the server says how long it wants to be left alone', async t => {
  const busy = (retryAfterMs: number): KubeAnswer => ({ kind: 'error', status: 429, detail: 'too many requests', retryAfterMs })
  const { waits } = await play([busy(5_000), busy(3_600_000), listOf([], '1')], [])
  t.same(waits, [5_000, 60_000], 'a minute at the most')
})

t.test('a list that goes on for minutes is told as being behind', async t => {
  let now = NOON
  const stop = new AbortController()
  const reflector = startReflector(
    {
      client: {
        page: () => new Promise(resolve => stop.signal.addEventListener('abort', () => resolve(broken))),
        watch: async () => broken
      },
      path: PATH,
      clock: { now: () => now, sleep: async () => {} },
      random: () => 0,
      changed: () => {},
      reflection: { list: () => ({ page: async () => {}, complete: () => {} }), event: () => {} }
    },
    stop.signal
  )
  t.match(reflector.state(), { state: 'listing', detail: '' })
  now += 6 * 60_000
  t.match(reflector.state(), { state: 'behind', detail: /under way since 2026-11-21T12:00:00/, since: NOON })
  stop.abort()
  await reflector.ended
})
