import { shownText } from '../base/shown-text.ts'
import type { GuardedContainer, GuardedPod } from '../domain/guarded-pod.ts'
import type { PodSummary } from '../domain/pod.ts'
import { isPullReason, type PullProblem, pullProblem } from './pull-errors.ts'

/** What a pod suffers from. `start`: its container cannot be made or started, for another reason than its image. */
export type Trouble =
  | { readonly kind: 'crash-loop' | 'start'; readonly container: string; readonly text: string }
  | { readonly kind: 'pull'; readonly container: string; readonly text: string; readonly problem: PullProblem }
  | { readonly kind: 'unschedulable'; readonly text: string }

/** A pod with what the workload's own reading says of it; none for one that is gone. */
export interface PodAndSummary {
  readonly pod: GuardedPod
  readonly summary?: PodSummary
}

/** Characters of what a node or the scheduler says. */
const TOLD = 240
const NAME = 253

/** What a node prepares, and no trouble. */
const PREPARING: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing'])

/** What Kubernetes shows a pod to suffer from at this look. */
export function troublesOf({ pod, summary }: PodAndSummary): readonly Trouble[] {
  const { containers = [] } = pod
  const unschedulable = summary?.unschedulable
  return [
    ...(unschedulable === undefined
      ? []
      : [{ kind: 'unschedulable' as const, text: `${nameOf(pod)}: Unschedulable: ${shownText(unschedulable, TOLD)}` }]),
    ...containers.flatMap(container => troubleOf(pod, container) ?? [])
  ]
}

/** How often a container restarted and how it ended, as it is said to people. */
export function restartsText(pod: GuardedPod, container: GuardedContainer, times: number): string {
  return `${nameOf(pod)}: ${shownText(container.name, NAME)} restarted ${times} times${endText(container)}`
}

function troubleOf(pod: GuardedPod, container: GuardedContainer): Trouble | undefined {
  const { waiting, name } = container
  if (waiting === undefined || PREPARING.has(waiting.reason)) return undefined
  const reason = shownText(waiting.reason, NAME)
  const which = (pod.containers?.length ?? 0) > 1 ? `${shownText(name, NAME)}: ` : ''
  const said = `${nameOf(pod)}: ${which}${reason}`
  if (waiting.reason === 'CrashLoopBackOff') return { kind: 'crash-loop', container: name, text: `${said}${endText(container)}` }
  const message = shownText(waiting.message.replace(/^.*\bdesc = /s, ''), TOLD)
  const text = message === '' ? said : `${said}: ${message}`
  if (!isPullReason(waiting.reason)) return { kind: 'start', container: name, text }
  return { kind: 'pull', container: name, text, problem: pullProblem(waiting.reason, waiting.message) }
}

function nameOf({ name }: GuardedPod): string {
  return shownText(name, NAME)
}

function endText({ ended }: GuardedContainer): string {
  if (ended === undefined) return ''
  return ` (${shownText(ended.reason, NAME)}${ended.exitCode === undefined ? '' : `, exit code ${ended.exitCode}`})`
}
