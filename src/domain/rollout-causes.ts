import { SECOND } from '../base/clock.ts'
import { countedPods, type PodSummary } from './pod.ts'
import type { Workload } from './workload.ts'

/** A pod that is still there so long after it had to be gone is named. */
const NAMED_AFTER_MS = 10 * SECOND
/** A pod that its controller replaces is away for seconds. */
const MISSED_AFTER_MS = 30 * SECOND
/** A node prepares a pod within seconds, and pulls most images within a minute. */
const STARTED_WITHIN_MS = 60 * SECOND
/** So many causes are named; the rest is counted. */
const NAMED = 3

/**
 * What holds a rollout up, by what the pods and their controller say: "2 of 3 pods are updated" is no cause. The words do not change
 * while the cause is the same.
 * @param still for how long it has not got on, milliseconds
 * @param now API server's clock
 */
export function causesOf(workload: Workload, still: number, now: number): readonly string[] {
  const { rollout, pods, ref } = workload
  const counted = countedPods(pods)
  // A StatefulSet waits for each of its pods, whichever revision it has.
  const waitedFor = counted.filter(pod => pod.current || ref.kind === 'StatefulSet')
  const old = waitedFor.filter(pod => !pod.current)
  return [
    ...(rollout.cannotCreate === undefined ? [] : [`no pod can be made: ${rollout.cannotCreate}`]),
    ...rollout.brokenPods,
    ...old.flatMap(({ name, unready = [] }) => unready.flatMap(({ backOff }) => (backOff === undefined ? [] : [`${name}: ${backOff}`]))),
    ...counted.flatMap(({ name, unschedulable }) => (unschedulable === undefined ? [] : [`${name} cannot be scheduled: ${unschedulable}`])),
    ...pods.filter(pod => hangs(pod, now, NAMED_AFTER_MS)).map(pod => hanging(pod)),
    ...(ref.kind === 'StatefulSet' && still >= MISSED_AFTER_MS ? missingOf(workload) : []),
    ...waitedFor.flatMap(({ name, starting, createdAt, node }) =>
      starting === undefined || now - createdAt < STARTED_WITHIN_MS
        ? []
        : [`${name}${onNode(node)} does not start (${starting} since ${instantText(createdAt)})`]
    ),
    ...waitedFor.flatMap(pod => (isPatient(pod, now) ? [] : [unreadySince(pod)]))
  ]
}

/** The first causes in one line, and how many more there are. */
export function inWords(causes: readonly string[]): string {
  const more = causes.length - NAMED
  return [...causes.slice(0, NAMED), ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}

/** Whether a pod is on its way out, and still there so long after its time was up. @param now API server's clock */
export function hangs({ terminating, goneBy }: PodSummary, now: number, longerThan: number): boolean {
  return terminating && goneBy !== undefined && now - goneBy >= longerThan
}

/** What is said of a pod that runs and is not ready. */
export function unreadySince({ name, node, runningSince = 0, readyAt = 0 }: PodSummary): string {
  return `${name}${onNode(node)} runs, and is not ready since ${instantText(Math.max(runningSince, readyAt))}`
}

function onNode(node: string | undefined): string {
  return node === undefined ? '' : ` on node ${node}`
}

/** An instant as people and logs read it. */
export function instantText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}

function hanging({ name, node, goneBy = 0, finalizers = [] }: PodSummary): string {
  const why =
    finalizers.length > 0
      ? `its finalizers are not done (${finalizers.join(', ')})`
      : `${node === undefined ? 'no kubelet' : 'the node'} does not confirm that it ended`
  return `${name}${onNode(node)} hangs in Terminating since ${instantText(goneBy)}: ${why}`
}

/** Pods of a StatefulSet have fixed names, so one that its controller does not make is known by name. */
function missingOf({ ref, replicas, rollout, pods, firstOrdinal = 0 }: Workload): readonly string[] {
  if (rollout.state !== 'moving' || !rollout.seen || rollout.cannotCreate !== undefined) return []
  const names = Array.from({ length: Math.min(replicas, pods.length + 1) }, (_, index) => `${ref.name}-${firstOrdinal + index}`)
  const missing = names.find(name => !pods.some(pod => pod.name === name))
  return missing === undefined ? [] : [`${missing} is not there`]
}

/** Whether a pod may still be expected to get ready. */
function isPatient(pod: PodSummary, now: number): boolean {
  const { ready, runningSince, readyAt = 0, patienceMs } = pod
  if (ready || runningSince === undefined || patienceMs === undefined) return true
  return now - Math.max(runningSince, readyAt) <= patienceMs
}
