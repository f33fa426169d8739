import t from 'tap'
import { unreadable } from '../../../../src/verification/sequential/counting/counting.ts'
import { at, counted, look, pod, SETTINGS, scrape, total } from './scene.ts'

const OLD = pod('a', 'old')
const NEW = pod('b', 'new')
const BOTH = [OLD, NEW]
const tally = (requests: number, bad = 0) => ({ requests, bad })

t.test('an old pod’s first scrape is what later ones are compared with; a pod born after the deploy counts from zero', async t => {
  const found = counted([
    look(5, BOTH, [scrape('a', 5, tally(10_000, 70)), scrape('b', 5, tally(40, 1))]),
    look(20, BOTH, [scrape('a', 20, tally(10_100, 71)), scrape('b', 20, tally(140, 2))])
  ])
  t.same(
    found.blocks.map(({ parts }) => parts),
    [[{ old: tally(100, 1), new: tally(140, 2) }]]
  )
})

t.test('the first error of a pod counts, though its series was not there before', async t => {
  const found = counted([
    look(5, BOTH, [scrape('a', 5, tally(100)), scrape('b', 5, tally(10))]),
    look(20, BOTH, [scrape('a', 20, tally(200, 1)), scrape('b', 20, tally(20, 3))])
  ])
  t.same(found.blocks[0]?.parts[0], { old: tally(100, 1), new: tally(20, 3) })
})

t.test('a counter that falls is a reset if the container restarted, told a scrape earlier or later', async t => {
  for (const restarts of [
    [0, 1, 1],
    [0, 0, 1],
    [1, 1, 1]
  ]) {
    const [first = 0, second = 0, third = 0] = restarts
    const found = counted([
      look(5, BOTH, [scrape('a', 5, tally(0)), scrape('b', 5, tally(500, 9), { restarts: 0 })]),
      look(20, BOTH, [scrape('a', 20, tally(100)), scrape('b', 20, tally(600, 10), { restarts: first })]),
      look(35, BOTH, [scrape('a', 35, tally(200)), scrape('b', 35, tally(30, 1), { restarts: second })]),
      look(50, BOTH, [scrape('a', 50, tally(300)), scrape('b', 50, tally(80, 2), { restarts: third })])
    ])
    t.same(total(found, 'new'), tally(680, 12), restarts.join())
    t.same(unreadable(SETTINGS, found.state, [NEW]), [])
  }
})

t.test('a counter that falls without a restart gives no data, for good: it may be two processes behind one address', async t => {
  const values = [500, 100, 520, 130, 700, 900]
  const found = counted(
    values.map((value, index) => {
      const seconds = 5 + 15 * index
      return look(seconds, BOTH, [scrape('a', seconds, tally(100 * index)), scrape('b', seconds, tally(value))])
    })
  )
  t.same(total(found, 'new'), tally(500))
  t.same(found.state.pods['b']?.standing, 'unreliable')
  t.same(
    unreadable(SETTINGS, found.state, BOTH).map(({ uid }) => uid),
    ['b'],
    'and a pass is barred'
  )
  t.equal(found.blocks.length, 5, 'the other pods go on')
})

t.test('scrapes that come late, twice or in another order count once', async t => {
  const found = counted([
    look(5, BOTH, [scrape('b', 5, tally(10)), scrape('a', 5, tally(0)), scrape('b', 5, tally(10))]),
    look(20, BOTH, [scrape('b', 18, tally(30, 2)), scrape('b', 10, tally(15, 1)), scrape('a', 20, tally(50))]),
    look(35, BOTH, [
      scrape('b', 10, tally(15, 1)),
      scrape('b', 35, tally(60, 4)),
      scrape('b', 18, tally(30, 2)),
      scrape('a', 35, tally(80))
    ])
  ])
  t.same(total(found, 'new'), tally(60, 4))
  t.same(total(found, 'old'), tally(80))
})

t.test('two Prometheus replicas are one sequence; a second job on the same pod is left alone', async t => {
  const seen = (seconds: number, requests: number, bad: number) => [
    scrape('a', seconds, tally(requests, 0), { labels: { job: 'pods', prometheus_replica: 'p-0', instance: '10.0.0.1:8080' } }),
    scrape('a', seconds + 3, tally(requests + 10, 0), { labels: { job: 'pods', prometheus_replica: 'p-1', instance: '10.0.0.1:8080' } }),
    scrape('b', seconds, tally(requests, bad), { labels: { job: 'pods', instance: '10.0.0.2:8080' } }),
    scrape('b', seconds + 1, tally(requests + 5, bad), { labels: { job: 'services', instance: '10.0.0.2:8080' } })
  ]
  const found = counted([look(5, BOTH, seen(1, 100, 4)), look(25, BOTH, seen(20, 300, 10))])
  t.same(total(found, 'old'), tally(200 + 10, 0))
  t.same(total(found, 'new'), tally(300, 10))
})

t.test('the same series twice with different values and nothing to tell them apart is refused', async t => {
  const found = counted([
    look(5, BOTH, [scrape('a', 5, tally(1)), scrape('b', 5, tally(10)), scrape('b', 5, tally(300))]),
    look(20, BOTH, [scrape('a', 20, tally(90)), scrape('b', 20, tally(20)), scrape('b', 20, tally(310))])
  ])
  t.same(total(found, 'new'), tally(0))
  t.equal(found.state.pods['b']?.standing, 'unreliable')
})

t.test('an address that is used again is another pod: the uid counts', async t => {
  const later = pod('c', 'new', { bornAt: at(18), readyFrom: at(19) })
  const found = counted([
    look(5, BOTH, [scrape('a', 5, tally(0)), scrape('b', 5, tally(800))]),
    look(20, [OLD, later], [scrape('a', 20, tally(50)), scrape('c', 20, tally(7))])
  ])
  t.same(total(found, 'new'), tally(807))
})

t.test('a pod counts from Ready to deletion: neither its start nor its shutdown do', async t => {
  const starting = pod('b', 'new', { readyFrom: at(12) })
  const leaving = pod('a', 'old', { deletedAt: at(30) })
  const found = counted([
    look(5, [OLD, starting], [scrape('a', 5, tally(0)), scrape('b', 5, tally(6, 6))]),
    look(20, [OLD, starting], [scrape('a', 20, tally(50)), scrape('b', 20, tally(26, 6))]),
    look(35, [leaving, starting], [scrape('a', 34, tally(100, 50)), scrape('b', 35, tally(66, 6))])
  ])
  t.same(total(found, 'new'), tally(60, 0))
  t.same(total(found, 'old'), tally(50))
})

t.test('a pod that is missed twice leaves the block; when it is back, it does not bring what belongs to closed blocks', async t => {
  const pods = [OLD, NEW, pod('c', 'new')]
  const found = counted([
    look(5, pods, [scrape('a', 5, tally(0)), scrape('b', 5, tally(0)), scrape('c', 5, tally(0))]),
    look(20, pods, [scrape('a', 20, tally(100)), scrape('b', 20, tally(100)), scrape('c', 20, tally(100))]),
    look(35, pods, [scrape('a', 35, tally(200)), scrape('b', 35, tally(200))]),
    look(50, pods, [scrape('a', 50, tally(300)), scrape('b', 50, tally(300))]),
    look(65, pods, [scrape('a', 65, tally(400)), scrape('b', 65, tally(400))]),
    look(80, pods, [scrape('a', 80, tally(500)), scrape('b', 80, tally(500)), scrape('c', 80, tally(900, 300))]),
    look(95, pods, [scrape('a', 95, tally(600)), scrape('b', 95, tally(600)), scrape('c', 95, tally(1_000, 301))])
  ])
  t.same(
    found.blocks.map(({ to }) => (to - at(0)) / 1_000),
    [20, 65, 80, 95],
    'the block waits for it once, and no longer'
  )
  t.same(total(found, 'new'), tally(600 + 100 + 100, 1))
})

t.test('while the source itself is away no pod is blamed: the block goes on, and nothing is lost or counted twice', async t => {
  const found = counted([
    look(5, BOTH, [scrape('a', 5, tally(0)), scrape('b', 5, tally(0))]),
    look(20, BOTH, [scrape('a', 20, tally(100)), scrape('b', 20, tally(100, 1))]),
    ...[35, 50, 65, 80, 200].map(seconds => look(seconds, BOTH, [])),
    look(215, BOTH, [scrape('a', 212, tally(1_000))]),
    look(220, BOTH, [scrape('a', 212, tally(1_000)), scrape('b', 218, tally(1_100, 5))])
  ])
  t.same(total(found, 'old'), tally(1_000))
  t.same(total(found, 'new'), tally(1_100, 5))
  t.equal(found.blocks.length, 2)
})

t.test('probes and the scrapes themselves are no traffic', async t => {
  const route = (path: string, value: number) => ({ labels: { __name__: 'http_requests_total', code: '200', path }, value })
  const of = (uid: string, seconds: number, real: number) => ({
    pod: uid,
    at: at(seconds),
    restarts: 0,
    series: [
      route('/orders', real),
      ...['/healthz', '/metrics', '/actuator/health/readiness', '/-/ready', '/livez', '/ping'].map(path => route(path, 50 * seconds))
    ]
  })
  const found = counted([look(5, BOTH, [of('a', 5, 0), of('b', 5, 0)]), look(20, BOTH, [of('a', 20, 7), of('b', 20, 3)])])
  t.same(total(found, 'old'), tally(7))
  t.same(total(found, 'new'), tally(3))
})

t.test('a new pod that was Ready for long before it was first read brings only what comes then', async t => {
  const found = counted([
    look(5, BOTH, [scrape('a', 5, tally(0))]),
    ...[20, 35, 50].map(seconds => look(seconds, BOTH, [scrape('a', seconds, tally(10 * seconds))])),
    look(65, BOTH, [scrape('a', 65, tally(700)), scrape('b', 65, tally(900, 400))]),
    look(80, BOTH, [scrape('a', 80, tally(800)), scrape('b', 80, tally(950, 400))])
  ])
  t.same(total(found, 'new'), tally(50, 0))
})

t.test('looks that are repeated or older change nothing', async t => {
  const looks = [
    look(5, BOTH, [scrape('a', 5, tally(0)), scrape('b', 5, tally(0))]),
    look(20, BOTH, [scrape('a', 20, tally(100)), scrape('b', 20, tally(100, 1))])
  ]
  const again = [...looks, look(20, BOTH, [scrape('b', 20, tally(900, 90))]), ...looks]
  t.same(counted(again), counted(looks))
})

t.test('a restart that no counter shows by falling, for they have grown beyond their old values: the missing series tells it', async t => {
  const found = counted([
    look(5, BOTH, [scrape('a', 5, tally(0)), scrape('b', 5, tally(10, 6))]),
    look(20, BOTH, [scrape('a', 20, tally(100)), scrape('b', 20, tally(90), { restarts: 1 })]),
    look(35, BOTH, [scrape('a', 35, tally(200)), scrape('b', 35, tally(120, 1), { restarts: 1 })]),
    look(50, BOTH, [scrape('a', 50, tally(300)), scrape('b', 50, tally(150, 2), { restarts: 1 })])
  ])
  t.same(total(found, 'new'), tally(10 + 150, 6 + 2))
  t.equal(found.state.pods['b']?.standing, 'counting')
})

t.test('a pod that restarted while it could not be read goes on from what it has then', async t => {
  const both = (seconds: number, b: ReturnType<typeof scrape> | undefined) =>
    look(seconds, BOTH, [scrape('a', seconds, tally(10 * seconds)), ...(b === undefined ? [] : [b])])
  const found = counted([
    both(5, scrape('b', 5, tally(500, 90))),
    ...[20, 35, 50, 65].map(seconds => both(seconds, undefined)),
    both(80, scrape('b', 80, tally(40), { restarts: 1 })),
    both(95, scrape('b', 95, tally(70, 2), { restarts: 1 })),
    both(110, scrape('b', 110, tally(100, 5), { restarts: 1 }))
  ])
  t.same(total(found, 'new'), tally(500 + 60, 90 + 5))
  t.equal(found.state.pods['b']?.standing, 'counting')
})

t.test('a series that is dropped while it is idle, and comes back, is no reset', async t => {
  const found = counted([
    look(5, BOTH, [scrape('a', 5, tally(0)), scrape('b', 5, tally(100, 6))]),
    look(20, BOTH, [scrape('a', 20, tally(100)), scrape('b', 20, tally(200))]),
    look(35, BOTH, [scrape('a', 35, tally(200)), scrape('b', 35, tally(307, 7))])
  ])
  // 94 good ones at first, 200 then, 300 at last; the errors are 6 and then 7.
  t.same(total(found, 'new'), tally(307, 7))
})
