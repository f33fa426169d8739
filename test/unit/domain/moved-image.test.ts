import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import { movedImage } from '../../../src/domain/moved-image.ts'
import type { PodSummary } from '../../../src/domain/pod.ts'
import type { Workload } from '../../../src/domain/workload.ts'
import { badRollout, NOON, podOf, templateOf } from '../../support/workloads.ts'

const pod = (name: string, id: string, createdAt: number, more: Partial<PodSummary> = {}): PodSummary =>
  podOf(name, { createdAt, images: [{ container: 'api', image: 'app:v2', id, startedAt: createdAt + 1_000 }], ...more })
const workload = (...pods: PodSummary[]): Workload => ({ ...badRollout(), pods })
const DONE = NOON - 10 * MINUTE

t.test('pods of one template that run two images of one name: the tag moved, and since when is known', async t => {
  t.same(movedImage(workload(pod('a', 'old', DONE - 5_000), pod('b', 'old', DONE - 5_000), pod('c', 'new', NOON - 3 * MINUTE))), {
    container: 'api',
    image: 'app:v2',
    at: NOON - 3 * MINUTE + 1_000,
    older: 'old',
    newer: 'new',
    pods: { newer: 1, all: 3 }
  })
})

t.test('no tag moved: one id, pods of a rollout, ids in turn, a digest, other versions, pods that go', async t => {
  const later = NOON - 3 * MINUTE
  t.equal(movedImage(workload(pod('a', 'old', DONE - 5_000), pod('b', 'old', later))), undefined)
  t.equal(
    movedImage(workload(pod('a', 'amd64', DONE - 9_000), pod('b', 'arm64', DONE - 5_000))),
    undefined,
    'nodes of two kinds, one rollout'
  )
  t.equal(
    movedImage(workload(pod('a', 'amd64', DONE - 9_000), pod('b', 'arm64', later), pod('c', 'amd64', later + MINUTE))),
    undefined,
    'nodes of two kinds, and pods made anew on both'
  )
  const pinned = `app@sha256:${'0'.repeat(64)}`
  const images = (id: string) => ({ images: [{ container: 'api', image: pinned, id, startedAt: later }] })
  t.equal(
    movedImage({ ...workload(pod('a', 'x', DONE - 5_000, images('x')), pod('b', 'y', later, images('y'))), template: templateOf(pinned) }),
    undefined
  )
  t.equal(movedImage(workload(pod('a', 'old', DONE - 5_000), pod('b', 'new', later, { current: false }))), undefined)
  t.equal(movedImage(workload(pod('a', 'old', DONE - 5_000), pod('b', 'new', later, { terminating: true }))), undefined)
  t.equal(
    movedImage(workload(pod('a', 'old', DONE - 5_000), podOf('b', { createdAt: later }))),
    undefined,
    'an id is there only once it is pulled'
  )
})

t.test('a container that was restarted in its pod may have pulled the new image', async t => {
  const restarted = pod('b', 'new', DONE - 5_000, { images: [{ container: 'api', image: 'app:v2', id: 'new', startedAt: NOON - MINUTE }] })
  t.match(movedImage(workload(pod('a', 'old', DONE - 5_000), restarted)), { at: NOON - MINUTE, newer: 'new' })
})
