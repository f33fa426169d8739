import fc from 'fast-check'
import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { NO_PODS, type PodMemory, rememberPods } from '../../../src/deploy-guard/pod-memory.ts'
import type { GuardedPod } from '../../../src/domain/guarded-pod.ts'
import { NOON } from '../../support/workloads.ts'

function pod(uid: string, more: Partial<GuardedPod> = {}): GuardedPod {
  const none = { annotations: {}, ports: [], probes: [] }
  return { uid, name: uid, namespace: 'shop', version: 'new', bornAt: NOON, restarts: 0, ...none, ...more }
}

t.test('a pod that is Ready again was first Ready when an earlier look said so', async t => {
  const first = rememberPods(NO_PODS, { at: NOON + 10 * SECOND, pods: [pod('a', { readyFrom: NOON + 5 * SECOND })] })

  const broken = rememberPods(first.memory, { at: NOON + 20 * SECOND, pods: [pod('a', { restarts: 1 })] })
  t.equal(broken.pods[0]?.readyFrom, NOON + 5 * SECOND, 'it is not Ready, and counts on')

  const again = rememberPods(broken.memory, { at: NOON + 30 * SECOND, pods: [pod('a', { readyFrom: NOON + 28 * SECOND, restarts: 1 })] })
  t.equal(again.pods[0]?.readyFrom, NOON + 5 * SECOND)
})

t.test('a pod that is gone was deleted after the last look that had it, and is told of for five minutes', async t => {
  const first = rememberPods(NO_PODS, {
    at: NOON,
    pods: [pod('a', { readyFrom: NOON, restarts: 2 }), pod('b', { deletedAt: NOON - SECOND })]
  })

  const later = rememberPods(first.memory, { at: NOON + 5 * SECOND, pods: [] })
  t.match(later.pods, [
    { uid: 'a', deletedAt: NOON, readyFrom: NOON, restarts: 2 },
    { uid: 'b', deletedAt: NOON - SECOND }
  ])

  const back = rememberPods(later.memory, { at: NOON + 10 * SECOND, pods: [pod('a')] })
  t.equal(back.pods.find(({ uid }) => uid === 'a')?.deletedAt, undefined, 'a list that missed it proves nothing')

  const over = rememberPods(later.memory, { at: NOON + 6 * MINUTE, pods: [] })
  t.same([over.pods, over.memory.pods], [[], {}])
})

t.test('restarts never fall: a node that lost its containers counts from zero', async t => {
  const first = rememberPods(NO_PODS, { at: NOON, pods: [pod('a', { restarts: 4 })] })
  t.equal(rememberPods(first.memory, { at: NOON + SECOND, pods: [pod('a', { restarts: 0 })] }).pods[0]?.restarts, 4)
})

t.test('what is remembered is plain JSON, bounded, and tells the same after a restart', async t => {
  const look = fc.record({
    uids: fc.uniqueArray(fc.integer({ min: 0, max: 8 }), { maxLength: 6 }),
    ready: fc.boolean(),
    deleted: fc.boolean(),
    restarts: fc.nat(3)
  })
  fc.assert(
    fc.property(fc.array(look, { maxLength: 12 }), looks => {
      let [memory, restarted]: [PodMemory, PodMemory] = [NO_PODS, NO_PODS]
      const firstReady = new Map<string, number>()
      looks.forEach(({ uids, ready, deleted, restarts }, index) => {
        const at = NOON + index * 30 * SECOND
        const pods = uids.map(uid =>
          pod(String(uid), { restarts, ...(ready ? { readyFrom: at } : {}), ...(deleted ? { deletedAt: at } : {}) })
        )
        if (ready) for (const { uid } of pods) if (!firstReady.has(uid)) firstReady.set(uid, at)
        const taken = rememberPods(memory, { at, pods })
        const other = rememberPods(restarted, { at, pods })
        t.same(taken, other)
        for (const one of taken.pods) {
          // A pod that was forgotten begins anew; uids are never used again, so that only this test sees it.
          if (one.readyFrom !== undefined && one.readyFrom < (firstReady.get(one.uid) ?? 0)) t.fail('Ready before it was')
          if (one.deletedAt !== undefined && one.deletedAt > at) t.fail('deleted in the future')
        }
        t.equal(new Set(taken.pods.map(({ uid }) => uid)).size, taken.pods.length, 'each pod once')
        memory = taken.memory
        restarted = JSON.parse(JSON.stringify(other.memory))
      })
    }),
    { numRuns: 60 }
  )
  const many = Array.from({ length: 3_000 }, (_, index) => pod(String(index)))
  const first = rememberPods(NO_PODS, { at: NOON, pods: many })
  t.equal(Object.keys(rememberPods(first.memory, { at: NOON + SECOND, pods: [] }).memory.pods).length, 2_000)
})
