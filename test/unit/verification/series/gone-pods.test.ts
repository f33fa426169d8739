import t from 'tap'
import type { GuardedPod } from '../../../../src/domain/guarded-pod.ts'
import type { ObjectRef } from '../../../../src/domain/objects.ts'
import type { StoredSeries } from '../../../support/series-prometheus.ts'
import { at } from '../sequential/scene.ts'
import { counter, guardedPod, numbersOf, soon, told, up } from './numbers-scene.ts'

const NEW = guardedPod('b', 'new', { bornAt: at(2), readyFrom: at(4) })
const TARGET: ObjectRef = { kind: 'Deployment', namespace: 'shop', name: 'api' }

const every = (from: number, to: number): readonly number[] => Array.from({ length: (to - from) / 15 + 1 }, (_, index) => from + 15 * index)
const named = (name: string): GuardedPod => ({ ...guardedPod('a', 'old'), name })

async function goneOf(series: readonly StoredSeries[], pods: readonly GuardedPod[], target = TARGET) {
  const { source } = numbersOf([...series, ...pods.map(pod => counter(pod, '200', [[290, 5]]))], at(300))
  await source.labels(pods, ['http_requests_total'], soon())
  const gone = told((await source.past?.goneOldPods({ target, pods, from: at(0), to: at(300) }, soon())) ?? { kind: 'said', value: [] })
  return gone.map(({ name, version, bornAt, deletedAt }) => [name, version, bornAt - at(0), (deletedAt ?? 0) - at(0)])
}

t.test('pods that a rollout took away before anybody asked are known by their scrapes, until their shutdown', async t => {
  const old = named('api-5d8c7b9f6d-x2x4b')
  t.same(await goneOf([up(old, every(-60, 120)), up(NEW, every(15, 300))], [NEW]), [['api-5d8c7b9f6d-x2x4b', 'old', -60_000, 90_000]])
  t.same(await goneOf([up(old, every(-60, 120))], [NEW, { ...old, uid: 'still-there' }]), [], 'what the cluster still has is not gone')
  t.same(await goneOf([up(old, every(-60, 30))], [NEW]), [], 'one whose shutdown began with the deploy says nothing')
  t.same(await goneOf([up(old, every(15, 120))], [NEW]), [], 'nor does one that was not there at the deploy')
  t.same(await goneOf([up(named('api-gateway-5d8c7b9f6d-x2x4b'), every(-60, 120))], [NEW]), [], 'nor another workload’s')
  // An undo takes an old ReplicaSet again: its pods of before are no old version.
  t.same(await goneOf([up({ ...NEW, name: 'api-7f6c5d8b9d-zzzzz' }, every(-60, 120))], [NEW]), [])
})

t.test('a failed scrape keeps no pod alive', async t => {
  const old = named('api-5d8c7b9f6d-x2x4b')
  t.same(await goneOf([up(old, every(-60, 120)), up(old, every(135, 300), { job: 'other' }, 0)], [NEW]), [
    ['api-5d8c7b9f6d-x2x4b', 'old', -60_000, 90_000]
  ])
})

t.test('a StatefulSet’s old pod had its name until the new one was born with it', async t => {
  const web: ObjectRef = { kind: 'StatefulSet', namespace: 'shop', name: 'web' }
  const fresh = { ...NEW, name: 'web-0', bornAt: at(125) }
  t.same(await goneOf([up({ ...fresh, uid: 'old' }, every(-60, 300))], [fresh], web), [['web-0', 'old', -60_000, 90_000]])
})
