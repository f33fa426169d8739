import fc from 'fast-check'
import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import { isNews, LOOKS_APART_MS, lookAt, type Moment, STANDS_STILL_MS } from '../../../src/domain/look-at.ts'
import type { Looks } from '../../../src/domain/looks.ts'
import type { ObjectRef } from '../../../src/domain/objects.ts'
import type { PodSummary } from '../../../src/domain/pod.ts'
import type { Rollout, Workload } from '../../../src/domain/workload.ts'
import { NOON, podOf, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

const DB: ObjectRef = { kind: 'StatefulSet', namespace: 'shop', name: 'db' }
const AGENT: ObjectRef = { kind: 'DaemonSet', namespace: 'shop', name: 'agent' }
const REVISIONS = [revisionOf(1, 'app:v1', NOON - 9 * HOUR), revisionOf(2, 'app:v2', NOON - MINUTE)]
const MOVING: Rollout = { state: 'moving', seen: true, detail: '1 of 3 pods are updated', available: false, brokenPods: [] }

function moving(ref: ObjectRef, pods: readonly PodSummary[], rollout: Partial<Rollout> = {}): Workload {
  return workloadOf(REVISIONS, { ref, pods, rollout: { ...MOVING, ...rollout } })
}

const broken = (name: string, reason = 'CrashLoopBackOff'): PodSummary =>
  podOf(name, { ready: false, waiting: reason, unready: [{ name: 'main', backOff: reason }] })
/** Between two crashes. */
const runningAgain = (name: string): PodSummary => podOf(name, { ready: false, unready: [{ name: 'main' }] })
const crashing = (ref: ObjectRef, pod = broken('api-1')): Workload =>
  moving(ref, [pod], { brokenPods: pod.unready?.[0]?.backOff === undefined ? [] : [`${pod.name}: CrashLoopBackOff`] })

/** A look so many seconds after noon. */
type At = readonly [seconds: number, workload: Workload, more?: Partial<Moment>]

/** Looks at one workload after the other. */
function looks(...seen: At[]): readonly Rollout[] {
  let known: Looks | undefined
  return seen.map(([seconds, workload, more]) => {
    const looked = lookAt(workload, known, { at: NOON + seconds * SECOND, offset: 0, ...more })
    known = looked.looks
    return looked.workload.rollout
  })
}
const states = (...seen: At[]): readonly string[] => looks(...seen).map(({ state }) => state)

t.test('one crash, one pull error: waited for, named, and looked at again when a second look can tell', async t => {
  for (const ref of [TARGET, DB, AGENT]) {
    const [first, early, second] = looks([0, crashing(ref)], [29, crashing(ref)], [30, crashing(ref)])
    t.match(first, { state: 'moving', detail: '1 of 3 pods are updated; api-1: CrashLoopBackOff', lookAgainAt: NOON + LOOKS_APART_MS })
    t.equal(early?.state, 'moving')
    t.match(second, { state: 'stalled', stalledBy: 'pods', detail: /new pods cannot run: api-1: CrashLoopBackOff/ })
  }
})

t.test('the same container: another pod, or one that got ready between, begins anew', async t => {
  t.same(states([0, crashing(TARGET)], [31, crashing(TARGET, broken('api-2'))]), ['moving', 'moving'])
  const ready = moving(TARGET, [podOf('api-1')])
  t.same(states([0, crashing(TARGET)], [10, ready], [31, crashing(TARGET)], [61, crashing(TARGET)]), [
    'moving',
    'moving',
    'moving',
    'stalled'
  ])
  const between = crashing(TARGET, runningAgain('api-1'))
  t.same(
    states([0, crashing(TARGET)], [31, between], [45, crashing(TARGET)]),
    ['moving', 'moving', 'stalled'],
    'between two crashes it runs, and is not ready'
  )
})

t.test('looks before a write do not count after it, and very old ones count nothing', async t => {
  const wroteAt = NOON + 40 * SECOND
  const after = { wroteAt }
  t.same(
    states(
      [0, crashing(TARGET)],
      [35, crashing(TARGET)],
      [41, crashing(TARGET), after],
      [69, crashing(TARGET), after],
      [70, crashing(TARGET), after]
    ),
    ['moving', 'stalled', 'moving', 'moving', 'stalled']
  )
  t.same(states([0, crashing(TARGET)], [660, crashing(TARGET)], [690, crashing(TARGET)]), ['moving', 'moving', 'stalled'])
})

t.test('whatever the looks saw: a rollout stalls only by a container in back-off at two looks 30 s apart', async t => {
  const look = fc.record({ gap: fc.integer({ min: 1, max: 60 }), is: fc.constantFrom('back-off', 'runs', 'ready') })
  fc.assert(
    fc.property(fc.array(look, { maxLength: 12 }), seen => {
      let at = 0
      let first: number | undefined
      let known: Looks | undefined
      for (const { gap, is } of seen) {
        at += gap
        const pod = is === 'back-off' ? broken('p') : is === 'runs' ? runningAgain('p') : podOf('p')
        if (is === 'ready') first = undefined
        if (is === 'back-off') first ??= at
        const fails = is === 'back-off' && first !== undefined && at - first >= 30
        const looked = lookAt(crashing(TARGET, pod), known, { at: NOON + at * SECOND, offset: 0 })
        known = looked.looks
        if ((looked.workload.rollout.state === 'stalled') !== fails) return false
      }
      return true
    })
  )
  t.pass()
})

t.test('a StatefulSet’s pod that runs and never gets ready: as long as its probes take it is waited for', async t => {
  const pod = podOf('db-2', { ready: false, readyAt: NOON, runningSince: NOON, patienceMs: 40 * SECOND })
  const set = { ...moving(DB, [pod]), minReadyMs: 5 * SECOND }
  t.match(looks([40, set], [45, set], [46, set]), [
    { state: 'moving' },
    { state: 'moving', cause: /^db-2 runs, and is not ready since 2026/ },
    { state: 'stalled', stalledBy: 'pods', detail: /db-2 runs, and is not ready/ }
  ])
  t.same(states([600, moving(TARGET, [pod])]), ['moving'], 'a Deployment has a deadline of its own')
  t.match(looks([46, moving(AGENT, [{ ...pod, name: 'agent-c', node: 'node-3' }])])[0], {
    cause: /^agent-c on node node-3 runs, and is not ready/
  })
  const failedOnce = { ...pod, runningSince: NOON - HOUR }
  t.same(states([20, moving(DB, [failedOnce])]), ['moving'], 'it was ready a moment ago: one failed probe')
})

const hung = podOf('agent-c', { terminating: true, ready: false, goneBy: NOON, node: 'node-3' })
const on = (name: string, node: string, more: Partial<PodSummary> = {}): PodSummary => podOf(name, { node, ...more })

t.test('a DaemonSet with a node that does not answer: stalled with the node’s name; complete on the others', async t => {
  const old = { current: false }
  const daemon = (pods: readonly PodSummary[], more: Partial<Rollout> = {}): Workload => moving(AGENT, pods, { mayBeAway: 1, ...more })
  const stuck = daemon([on('agent-a', 'node-1'), on('agent-b', 'node-2', old), hung])
  const [, early, late] = looks([0, stuck], [29, stuck], [30, stuck])
  t.match(early, { state: 'moving', cause: /agent-c on node node-3 hangs in Terminating since .*: the node does not confirm/ })
  t.match(late, { state: 'stalled', stalledBy: 'node', silentNodes: ['node-3'], detail: /node-3 .* uses up maxUnavailable/ })
  t.equal(states([60, daemon(stuck.pods, { mayBeAway: 2 })])[0], 'moving', 'the others are still updated')

  const done = daemon([on('agent-a', 'node-1'), on('agent-b', 'node-2'), hung])
  t.match(looks([60, done])[0], { state: 'complete', available: true, detail: /^2 available on the nodes that answer; .*node-3/ })
  const kept = daemon(done.pods, { state: 'complete', detail: '2 of 3 available' })
  t.match(looks([60, kept])[0], { state: 'complete', available: true }, 'the node kept a pod of the wanted version')
  const missing = daemon([on('agent-a', 'node-1'), hung])
  t.equal(states([60, missing])[0], 'stalled', 'node-2 answers, and has none')
  t.equal(states([60, { ...missing, replicas: 2 }])[0], 'complete', 'one is wanted beside it')
  t.equal(
    states([60, { ...daemon(missing.pods, { misplaced: 1 }), replicas: 2 }])[0],
    'stalled',
    'two are wanted, and node-3 is none of them any more'
  )
})

t.test('what is on its way out for too long is named with its finalizers', async t => {
  const pod = podOf('db-2', { terminating: true, ready: false, goneBy: NOON, finalizers: ['storage.example/detach'] })
  t.match(looks([9, moving(DB, [pod])], [10, moving(DB, [pod])]), [
    { detail: '1 of 3 pods are updated' },
    { detail: /db-2 hangs in Terminating since 2026-11-21T12:00:00Z: its finalizers are not done \(storage\.example\/detach\)/ }
  ])
})

t.test('what cannot be scheduled or made is named, and pods that are refused at two looks stall it', async t => {
  const pending = podOf('api-2', { ready: false, unschedulable: '0/3 nodes are available: 3 Insufficient cpu.' })
  t.match(looks([0, moving(TARGET, [pending])])[0], { detail: /api-2 cannot be scheduled: 0\/3 nodes are available/ })
  const refused = (pods: readonly PodSummary[]): Workload => moving(TARGET, pods, { cannotCreate: 'exceeded quota: small' })
  t.match(looks([0, refused([])], [29, refused([])], [30, refused([])]), [
    { state: 'moving', detail: /no pod can be made: exceeded quota: small/ },
    { state: 'moving' },
    { state: 'stalled', stalledBy: 'pods', detail: /exceeded quota: small/ }
  ])
  const leaving = podOf('api-1', { terminating: true })
  t.same(states([0, refused([leaving])], [60, refused([leaving])]), ['moving', 'moving'], 'until that one is gone its room is taken')
})

t.test('a pod that its node does not start is named, and of a StatefulSet an old one that it waits for', async t => {
  const starting = podOf('api-2', { ready: false, node: 'node-1', starting: 'ContainerCreating', createdAt: NOON })
  t.match(looks([59, moving(TARGET, [starting])], [60, moving(TARGET, [starting])]), [
    { detail: '1 of 3 pods are updated' },
    { detail: /api-2 on node node-1 does not start \(ContainerCreating since 2026-11-21T12:00:00Z\)/ }
  ])
  const old = { ...broken('db-1'), current: false }
  t.match(looks([0, moving(DB, [old])])[0], { state: 'moving', cause: 'db-1: CrashLoopBackOff' })
  t.equal(looks([0, moving(TARGET, [old])])[0]?.cause, undefined, 'a Deployment does not wait for it')
})

t.test('kinds without a deadline stand still after ten minutes without progress, however their pods come and go', async t => {
  const flapping = (ready: boolean): Workload => moving(DB, [podOf('db-2', { ready, uid: `u-${ready}` }), podOf('db-1', { ready: false })])
  const seen = Array.from({ length: 13 }, (_, minute) => [minute * 60, flapping(minute % 2 === 0)] as const)
  const told = looks(...seen)
  t.equal(told[9]?.state, 'moving')
  t.match(told[10], { state: 'stalled', stalledBy: 'time', detail: /^nothing has moved since 2026-11-21T12:00:00Z: 1 of 3/ })
  const progress = moving(DB, [podOf('db-2'), podOf('db-1')])
  t.equal(states([0, flapping(true)], [540, progress], [1_139, progress], [1_140, progress]).join(' '), 'moving moving moving stalled')
  const off = moving(TARGET, [], { deadlineMs: 0 })
  t.same(states([0, off], [599, off], [600, off]), ['moving', 'moving', 'stalled'], 'a Deployment whose deadline somebody turned off')
  const long = moving(TARGET, [], { deadlineMs: 20 * MINUTE })
  t.same(states([0, long], [1_199, long], [1_200, long]), ['moving', 'moving', 'stalled'], 'its own counts where that is longer')
  const paused = { ...off, paused: true }
  t.same(states([0, paused], [3_600, paused]), ['moving', 'moving'], 'people hold it up')
})

t.test('what no write gets going is stuck: nobody looks at the spec, or a StatefulSet waits for a pod that hangs', async t => {
  const unseen = moving(TARGET, [], { seen: false, detail: 'the controller has not seen the newest spec yet' })
  t.match(looks([0, unseen], [STANDS_STILL_MS / SECOND, unseen])[1], { state: 'stalled', stuck: true })
  t.same(states([0, unseen], [599, { ...unseen, generation: 9 }], [600, { ...unseen, generation: 9 }]), ['moving', 'moving', 'moving'])
  const pod = podOf('db-2', { terminating: true, goneBy: NOON, finalizers: ['x/y'] })
  t.match(looks([0, moving(DB, [pod])], [600, moving(DB, [pod])])[1], { stalledBy: 'time', stuck: true, detail: /db-2 hangs.*x\/y/ })
  t.equal(looks([0, moving(DB, [])], [600, moving(DB, [])])[1]?.stuck, undefined)
})

t.test('a pod that gets ready again and again does not move the time at which the rollout was complete', async t => {
  const complete = (readyAt: number): Workload =>
    workloadOf(REVISIONS, {
      ref: DB,
      pods: [podOf('db-0', { readyAt, createdAt: NOON - 5 * MINUTE })],
      rollout: { state: 'complete', seen: true, detail: '', available: true, completedAt: readyAt, brokenPods: [] }
    })
  const told = looks([0, complete(NOON - MINUTE)], [300, complete(NOON + 280 * SECOND)])
  t.equal(told[1]?.completedAt, NOON)
  const replaced = complete(NOON + 280 * SECOND)
  const newer = { ...replaced, pods: replaced.pods.map(pod => ({ ...pod, createdAt: NOON + 270 * SECOND })) }
  t.equal(looks([0, complete(NOON - MINUTE)], [300, newer])[1]?.completedAt, NOON + 270 * SECOND, 'a newer pod does')
})

t.test('only news is kept', async t => {
  const { looks: first } = lookAt(crashing(TARGET), undefined, { at: NOON, offset: 0 })
  t.ok(isNews(first, undefined))
  t.notOk(isNews({ ...first, at: NOON + 2 * SECOND }, first))
  t.ok(isNews({ ...first, at: NOON + MINUTE }, first), 'that it was so a minute ago, too')
  const { looks: healthy } = lookAt(workloadOf(REVISIONS), undefined, { at: NOON, offset: 0 })
  t.notOk(isNews(healthy, undefined), 'nothing to keep of a healthy Deployment')
  t.ok(isNews(healthy, first))
})
