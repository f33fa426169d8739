import t from 'tap'
import type { Clock } from '../../../src/base/clock.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import { startWatcher } from '../../../src/cluster/watcher.ts'
import type { Sighting } from '../../../src/domain/ports/cluster.ts'
import type { KubeAnswer } from '../../../src/domain/ports/kube.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import { NOON, templateOf } from '../../support/workloads.ts'

const at = (ms: number): string => new Date(ms).toISOString()

/** A Deployment as a list or an event has it. `managed`: when its field manager wrote the template. */
function deployment(
  uid: string,
  image: string,
  version: number,
  { managed, namespace = 'shop' }: { readonly managed?: number; readonly namespace?: string } = {}
): JsonObject {
  return {
    metadata: {
      uid,
      name: uid,
      namespace,
      resourceVersion: String(version),
      ...(managed === undefined
        ? {}
        : { managedFields: [{ manager: 'ci', operation: 'Update', time: at(managed), fieldsV1: { 'f:spec': { 'f:template': {} } } }] })
    },
    spec: { template: templateOf(image) }
  }
}
const list = (items: readonly JsonObject[], version: string, token?: string): KubeAnswer => ({
  kind: 'ok',
  status: 200,
  object: { metadata: { resourceVersion: version, ...(token === undefined ? {} : { continue: token }) }, items }
})
const modified = (object: JsonObject): JsonObject => ({ type: 'MODIFIED', object })
const broken: KubeAnswer = { kind: 'unreachable', detail: 'ECONNRESET' }
const gone: JsonObject = { type: 'ERROR', object: { kind: 'Status', code: 410 } }

/** Plays the lists and the events of one watch after the other, and tells what was recorded. */
async function play(
  lists: readonly KubeAnswer[],
  watches: readonly (readonly JsonObject[])[],
  refuse: (uid: string) => boolean = () => false
) {
  const found: Sighting[] = []
  const observed: Sighting[] = []
  const failures: string[] = []
  const nextLists = [...lists]
  const nextWatches = [...watches]
  let done: () => void = () => {}
  const over = new Promise<void>(resolve => {
    done = resolve
  })
  const clock: Clock = { now: () => NOON, sleep: async () => {} }
  let most = 0
  const watcher = startWatcher({
    client: {
      async page(_path, signal) {
        const answer = nextLists.shift()
        if (answer !== undefined) return answer
        done()
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        return broken
      },
      async watch(_path, onEvent, signal, opened) {
        const events = nextWatches.shift()
        if (events === undefined) {
          done()
          await new Promise(resolve => signal.addEventListener('abort', resolve))
          return broken
        }
        opened?.()
        for (const event of events) onEvent(event)
        await new Promise(resolve => setImmediate(resolve))
        return broken
      }
    },
    offset: createClockOffset(() => NOON),
    clock,
    random: () => 0,
    namespaces: () => ['shop'],
    kinds: () => ['Deployment'],
    failed: (what, detail) => failures.push(`${what}: ${detail}`),
    sink: {
      async found(sightings) {
        most = Math.max(most, sightings.length)
        if (sightings.some(({ template }) => refuse(template.uid))) throw new Error('the disk is full')
        found.push(...sightings)
      },
      async observed(target, template) {
        if (refuse(template.uid)) throw new Error('the disk is full')
        observed.push({ target, template })
      }
    }
  })
  await over
  const states = watcher.states()
  await watcher.stop()
  const brief = ({ target, template }: Sighting): string => `${target.name} ${template.seen ? 'seen' : 'found'}`
  return { found: found.map(brief), observed: observed.map(brief), templates: observed.map(one => one.template), failures, states, most }
}

t.test('a list is recorded page by page; a second one tells only what is new, and forgets what is gone', async t => {
  const many = Array.from({ length: 400 }, (_, index) => deployment(`d-${index}`, 'app:1', 5))
  const { found, most } = await play(
    [list(many.slice(0, 250), '10', 'x'), list(many.slice(250), '10'), list([...many.slice(1), deployment('d-0', 'app:2', 30)], '40')],
    [[gone]]
  )
  t.equal(most, 250)
  t.equal(found.length, 401)
  t.equal(found.at(-1), 'd-0 found', 'the moment of its change was not seen')
  const back = await play(
    [list([deployment('a', 'app:1', 5)], '10'), list([], '20')],
    [[gone], [modified(deployment('a', 'app:2', 30, { managed: NOON }))]]
  )
  t.same(back.observed, ['a found'], 'what was not in the last list is not known any more')
})

t.test('changes are told once, with the server’s time; other namespaces are left out', async t => {
  const { observed, templates } = await play(
    [list([deployment('a', 'app:1', 5), deployment('b', 'app:1', 5, { namespace: 'other' })], '10')],
    [
      [
        modified(deployment('a', 'app:1', 11)),
        modified(deployment('a', 'app:2', 12, { managed: NOON - 5_000 })),
        modified(deployment('a', 'app:2', 13, { managed: NOON - 5_000 })),
        modified(deployment('b', 'app:2', 14, { namespace: 'other' }))
      ]
    ]
  )
  t.same(observed, ['a seen'])
  t.equal(templates[0]?.at, NOON - 5_000 + 999)
})

t.test('pages that are newer than the list’s beginning: what the watch tells once more is no change', async t => {
  const { observed } = await play(
    [list([], '10', 'old'), { kind: 'error', status: 410, detail: 'too old', goOn: 'fresh' }, list([deployment('a', 'app:3', 30)], '40')],
    [
      [
        modified(deployment('a', 'app:2', 20, { managed: NOON })),
        modified(deployment('a', 'app:3', 30, { managed: NOON })),
        modified(deployment('a', 'app:4', 50, { managed: NOON }))
      ]
    ]
  )
  t.same(observed, ['a seen'], 'only the one that is newer than what the list had')
})

t.test('what comes after a gap is seen to have happened only where the server says when', async t => {
  const { observed } = await play(
    [list([deployment('a', 'app:1', 5), deployment('b', 'app:1', 5)], '10')],
    [
      [{ type: 'BOOKMARK', object: { metadata: { resourceVersion: '11' } } }],
      [modified(deployment('a', 'app:2', 20, { managed: NOON })), modified(deployment('b', 'app:2', 21))],
      [{ type: 'BOOKMARK', object: { metadata: { resourceVersion: '22' } } }, modified(deployment('b', 'app:3', 23))]
    ]
  )
  t.same(observed, ['a seen', 'b found', 'b seen'])
})

t.test('what could not be recorded is told again', async t => {
  let full = true
  const refuse = (): boolean => {
    const refused = full
    full = false
    return refused
  }
  const { found, observed, failures } = await play(
    [list([deployment('a', 'app:1', 5)], '10')],
    [[], [modified(deployment('a', 'app:1', 11))]],
    refuse
  )
  t.same(failures, ['recording a change: the disk is full'])
  t.same([found, observed], [[], ['a found']])
})

t.test('each watch tells how it is', async t => {
  const { states } = await play([list([], '10')], [[]])
  t.match(states, [{ kind: 'Deployment', namespace: 'shop', state: 'watching', detail: '' }])
})

t.test('changes that wait to be recorded for a minute: the watch is behind', async t => {
  let now = NOON
  let record: () => void = () => {}
  const watcher = startWatcher({
    client: {
      page: async () => list([deployment('a', 'app:1', 5)], '10'),
      async watch(_path, _onEvent, signal, opened) {
        opened?.()
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        return broken
      }
    },
    offset: createClockOffset(() => NOON),
    clock: { now: () => now, sleep: async () => {} },
    namespaces: () => ['shop'],
    kinds: () => ['Deployment'],
    failed: () => {},
    sink: {
      found: () =>
        new Promise(resolve => {
          record = resolve
        }),
      observed: async () => {}
    }
  })
  const state = async (): Promise<string | undefined> => {
    await new Promise(resolve => setImmediate(resolve))
    return watcher.states()[0]?.state
  }
  t.equal(await state(), 'watching')
  now += 61_000
  t.equal(await state(), 'behind')
  t.match(watcher.states()[0]?.detail, /1 changes wait to be recorded/)
  record()
  t.equal(await state(), 'watching')
  await watcher.stop()
})
