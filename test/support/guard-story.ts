import { lookFor, nextLook } from '../../src/deploy-guard/looks.ts'
import { prepareWatch } from '../../src/deploy-guard/prepare-watch.ts'
import type { PreparedWatch } from '../../src/deploy-guard/prepared-watch.ts'
import type { DeployGuardOptions } from '../../src/domain/deploy-guard.ts'
import type { GuardMetrics } from '../../src/domain/guard-metrics.ts'
import type { GuardedPod } from '../../src/domain/guarded-pod.ts'
import { USUAL_GUARD_METRICS } from '../../src/policies/guard-metrics.ts'
import type { NumberSource } from '../../src/verification/sequential/counting/number-source.ts'
import { startWatch, type WatchState, watchLook } from '../../src/verification/sequential/judge.ts'
import { standingOf } from '../../src/verification/sequential/standing.ts'
import type { Standing } from '../../src/verification/sequential/verdict.ts'
import type { ProxyNumbers } from '../../src/verification/series/proxy-numbers.ts'

/** One guard from its preparation to its verdict, as a worker leads it. */
export interface GuardStory {
  readonly source: NumberSource
  readonly proxies?: ProxyNumbers
  /** The queries of proxies, where the usual ones will not do. */
  readonly asked?: GuardMetrics
  readonly deployedAt: number
  readonly namespace: string
  /** Whether there was no version before: an objective can fail then though nothing is known of the past. */
  readonly firstDeploy?: boolean
  readonly options?: Partial<DeployGuardOptions>
  /** The pods as they are now. */
  readonly pods: () => readonly GuardedPod[]
  readonly now: () => number
  /** Resolves when it is time for the next look; the watch ends unfinished where it says `over`. */
  readonly wait: (dueAt: number, state: WatchState) => Promise<'go-on' | 'over'>
}

export interface ToldStory {
  readonly watch: PreparedWatch
  readonly state: WatchState
  readonly standing: Standing
  /** Why looks had no numbers, as far as some had none. */
  readonly unsaid: readonly string[]
}

const OPTIONS: DeployGuardOptions = {
  soak: 60_000,
  timeout: 600_000,
  baseline: 'concurrent',
  metrics: [],
  onFail: 'report',
  dryRun: true,
  pods: 'off'
}

/** @throws Error where the watch can't be prepared */
export async function tellGuard(story: GuardStory): Promise<ToldStory> {
  const { source, proxies, asked = USUAL_GUARD_METRICS, deployedAt, namespace, firstDeploy = false, options, pods, now, wait } = story
  const signal = AbortSignal.timeout(120_000)
  const answer = await prepareWatch(
    {
      target: { kind: 'Deployment', namespace, name: 'api' },
      version: {
        uid: 'u',
        identity: 'new',
        images: [],
        changedAt: deployedAt,
        ...(firstDeploy ? {} : { replaces: { identity: 'old', images: [] } })
      },
      options: { ...OPTIONS, ...options },
      pods: pods(),
      sources: [source],
      proxies,
      asked,
      learned: {},
      now: now()
    },
    signal
  )
  if (answer.kind !== 'ready') throw new Error(JSON.stringify(answer))
  const { watch } = answer
  let state = startWatch(watch.settings)
  const unsaid: string[] = []
  while (state.decision === undefined) {
    const next = nextLook(watch, state.counting, now())
    if ((await wait(next.dueAt, state)) === 'over') break
    const made = await lookFor({ watch, source: answer.source, counting: state.counting, pods: pods(), to: next.to }, signal)
    if (made.unsaid !== undefined) unsaid.push(made.unsaid.because)
    state = watchLook(watch.settings, state, made.look)
  }
  return { watch, state, standing: standingOf(watch.settings, state), unsaid }
}
