import fc from 'fast-check'
import t from 'tap'
import type { JsonObject } from '../../../src/base/json.ts'
import { eachPage, listKept } from '../../../src/domain/long-list.ts'
import type { KubeAnswer } from '../../../src/domain/ports/kube.ts'

const PATH = '/apis/apps/v1/deployments'

/** A server with so many objects, which reads no more bytes at once than the client takes. */
function serverOf(sizes: readonly number[], takes: number) {
  const asked: { readonly limit: number; readonly token: string }[] = []
  const read = async (path: string): Promise<KubeAnswer> => {
    const query = new URL(path, 'http://x').searchParams
    const from = Number((query.get('continue') ?? 'v0-0').split('-')[1])
    const limit = Number(query.get('limit'))
    asked.push({ limit, token: query.get('continue') ?? '' })
    const page = sizes.slice(from, from + limit)
    if (page.reduce((sum, size) => sum + size, 0) > takes) return { kind: 'unreachable', detail: 'too long', problem: 'too-large' }
    const next = from + page.length
    return {
      kind: 'ok',
      status: 200,
      object: {
        metadata: { resourceVersion: `${100 + from}`, ...(next < sizes.length ? { continue: `v0-${next}` } : {}) },
        items: page.map((_, index) => ({ metadata: { name: `o-${from + index}` } }))
      }
    }
  }
  return { read, asked }
}

const nameOf = (item: unknown): string => (item as { readonly metadata: { readonly name: string } }).metadata.name

t.test('every object comes once, in order, however many there are and however long they are', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 1_500 }),
      fc.integer({ min: 100, max: 20_000 }),
      async (sizes, takes) => {
        const { read } = serverOf(sizes, takes)
        const names: string[] = []
        const end = await eachPage(read, PATH, items => void names.push(...items.map(nameOf)))
        t.same(end, { kind: 'ok', version: '100' }, 'the version of the first page')
        t.same(
          names,
          sizes.map((_, index) => `o-${index}`)
        )
      }
    ),
    { numRuns: 60 }
  )
})

t.test('a page is let go of before the next one is asked for', async t => {
  const { read, asked } = serverOf(
    Array.from({ length: 1_000 }, () => 1),
    1e9
  )
  const done: number[] = []
  await eachPage(read, `${PATH}?labelSelector=app`, async items => {
    const pages = asked.length
    await new Promise(resolve => setImmediate(resolve))
    t.equal(asked.length, pages, 'nothing was asked for meanwhile')
    done.push(items.length)
  })
  t.same(done, [250, 250, 250, 250])
})

t.test('what is too long in one answer is asked for in shorter ones, down to a single object', async t => {
  const { read, asked } = serverOf([5, 5, 5, 90], 90)
  t.match(await listKept(read, PATH, item => item), { kind: 'ok', items: [{}, {}, {}, {}] })
  t.same(
    asked.map(({ limit }) => limit),
    [250, 62, 15, 3, 3],
    'and the shorter length is kept'
  )
  const giant = serverOf([91], 90)
  t.match(await listKept(giant.read, PATH, item => item), { kind: 'unreachable', problem: 'too-large' })
})

/** Answers one after the other. */
function scripted(answers: readonly KubeAnswer[]) {
  const paths: string[] = []
  const read = async (path: string): Promise<KubeAnswer> => {
    paths.push(path)
    const answer = answers[paths.length - 1]
    if (answer === undefined) throw new Error(`not expected: ${path}`)
    return answer
  }
  return { read, paths }
}

const page = (names: readonly string[], version: string, token?: string): KubeAnswer => ({
  kind: 'ok',
  status: 200,
  object: {
    metadata: { resourceVersion: version, ...(token === undefined ? {} : { continue: token }) },
    items: names.map(name => ({ metadata: { name } }))
  }
})
const expired = (goOn?: string): KubeAnswer => ({ kind: 'error', status: 410, detail: 'too old', ...(goOn === undefined ? {} : { goOn }) })
const kept = (item: JsonObject): string => nameOf(item)

t.test('a token that ran out: on with the one that the server offers, and the watch begins where the list began', async t => {
  const { read, paths } = scripted([page(['a'], '10', 'old'), expired('fresh'), page(['b'], '99')])
  const names: string[] = []
  t.same(await eachPage(read, PATH, items => void names.push(...items.map(nameOf))), { kind: 'ok', version: '10' })
  t.same(names, ['a', 'b'])
  t.match(paths.at(-1), /continue=fresh/)
})

t.test('without an offer the list is begun anew, three times at the most', async t => {
  const { read } = scripted([page(['a'], '10', 'old'), expired(), page(['b'], '20')])
  t.same(await listKept(read, PATH, kept), { kind: 'ok', items: ['b'] }, 'nothing is left of the first attempt')
  const never = scripted([page(['a'], '1', 'x'), expired(), page(['a'], '2', 'x'), expired(), page(['a'], '3', 'x'), expired()])
  t.match(await listKept(never.read, PATH, kept), { kind: 'error', status: 410 })
  const same = scripted([page(['a'], '1', 'x'), expired('x')])
  t.match(await eachPage(same.read, PATH, () => {}), { kind: 'error', status: 410 }, 'the same token again is no offer')
})

t.test('a failure is the answer, and of the pages before it nothing is kept', async t => {
  const { read } = scripted([page(['a'], '1', 'x'), { kind: 'error', status: 403, detail: 'forbidden' }])
  t.same(await listKept(read, PATH, kept), { kind: 'error', status: 403, detail: 'forbidden' })
  const slow = scripted([
    { kind: 'error', status: 504, detail: 'gateway timeout' },
    { kind: 'unreachable', detail: 'late', problem: 'deadline' },
    page(['a'], '1')
  ])
  t.same(await listKept(slow.read, PATH, kept), { kind: 'ok', items: ['a'] }, 'a proxy that gave up gets shorter pages')
})
