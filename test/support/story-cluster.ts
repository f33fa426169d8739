import type { Clock } from '../../src/base/clock.ts'
import { canonicalJson, type JsonObject } from '../../src/base/json.ts'
import { type ObjectRef, objectPath, targetKey } from '../../src/domain/objects.ts'
import type { Owner } from '../../src/domain/owner.ts'
import { markOperations, type PatchPlan } from '../../src/domain/plan.ts'
import { needText } from '../../src/domain/pod-needs.ts'
import type { PodSecurityLabels } from '../../src/domain/pod-security.ts'
import type { ApiScope, Cluster, ReadResult, WriteResult } from '../../src/domain/ports/cluster.ts'
import type { Surroundings } from '../../src/domain/ports/surroundings.ts'
import { templateForWrite, templateIdentity, type Workload } from '../../src/domain/workload.ts'
import { toWriteResult } from '../../src/domain/write-result.ts'
import { StoryKube } from './story-kube.ts'
import { revisionOf } from './workloads.ts'

/** A cluster of objects in memory: writes go through only if their preconditions hold. */
export class StoryCluster implements Cluster {
  readonly #clock: Clock
  constructor(clock: Clock) {
    this.#clock = clock
  }

  readonly workloads = new Map<string, Workload>()
  readonly writes: PatchPlan[] = []
  readonly dryRuns: PatchPlan[] = []
  unreachable = false
  forbidden = false
  offset = 0
  /** What the server answers to the next real writes, in order; the write itself happens or not as is said. */
  answers: { readonly answer: WriteResult; readonly happens: boolean }[] = []
  beforeWrite: (() => void) | undefined
  /** What the server answers to a dry run, where that is not plain success. */
  onDryRun: ((plan: PatchPlan) => WriteResult | undefined) | undefined
  /** What an admission webhook makes of each template that is written. */
  mutates: (template: JsonObject) => JsonObject = template => template

  put(workload: Workload): void {
    const templateAt = { ...workload.templateAt, path: objectPath(workload.ref), uid: workload.uid }
    this.workloads.set(targetKey(workload.ref), { ...workload, templateAt })
  }

  async read(target: ObjectRef): Promise<ReadResult> {
    if (this.unreachable) return { kind: 'unreachable', detail: 'connection refused' }
    const workload = this.workloads.get(targetKey(target))
    return workload === undefined ? { kind: 'not-found', detail: `there is no ${targetKey(target)}` } : { kind: 'found', workload }
  }

  async write(plan: PatchPlan, options: { readonly intent: string; readonly dryRun: boolean }): Promise<WriteResult> {
    if (this.unreachable) return { kind: 'unknown', detail: 'connection refused' }
    if (this.forbidden) return { kind: 'forbidden', detail: 'deployments.apps "api" is forbidden' }
    if (options.dryRun) {
      this.dryRuns.push(plan)
      return this.onDryRun?.(plan) ?? { kind: 'applied', generation: 0, at: 0 }
    }
    const own = this.workloads.get(targetKey(plan.target))
    if (plan.write.path !== own?.templateAt.path) return this.#elsewhere(plan, options.intent)
    this.beforeWrite?.()
    this.beforeWrite = undefined
    this.writes.push(plan)
    const said = this.answers.shift()
    if (said !== undefined && !said.happens) return said.answer
    const done = this.apply(plan, options.intent)
    return said?.answer ?? done
  }

  /** Objects besides the targets: autoscalers, owners, statuses. */
  readonly kube = new StoryKube()

  async #elsewhere(plan: PatchPlan, intent: string): Promise<WriteResult> {
    const { path, operations, mark } = plan.write
    this.writes.push(plan)
    return toWriteResult(
      'patch',
      await this.kube.jsonPatch(`${path}?fieldManager=astern`, [...operations, ...markOperations(mark, intent)]),
      this.#clock.now
    )
  }

  /** Effective writes of a target's own template. */
  generationsOf(target: ObjectRef): number {
    const workload = this.workloads.get(targetKey(target))
    return workload === undefined ? 0 : workload.generation - 2
  }

  apply(plan: PatchPlan, intent: string): WriteResult {
    const before = this.workloads.get(targetKey(plan.target))
    if (before === undefined) return { kind: 'not-found', detail: 'gone' }
    const { operations } = plan.write
    for (const operation of operations) {
      if (operation.op !== 'test') continue
      const found = operation.path === '/metadata/uid' ? before.uid : before.template
      if (canonicalJson(found) !== canonicalJson(operation.value))
        return { kind: 'conflict', detail: 'the server rejected our request due to an error in our request' }
    }
    const replaced = operations.find(operation => operation.op === 'replace' && operation.path === '/spec/template')?.value
    const template = this.mutates((replaced ?? before.template) as JsonObject)
    const identity = templateIdentity(template)
    const number = (before.revisions[0]?.number ?? 0) + 1
    // A restart is a revision of its own; only a template that stood before is taken up again.
    const old = identity === before.identity ? undefined : before.revisions.find(revision => revision.identity === identity)
    const revisions = [
      {
        ...(old ?? revisionOf(number, 'app:?', this.#clock.now())),
        number,
        template: templateForWrite(template),
        identity,
        reused: old !== undefined
      },
      ...before.revisions.filter(revision => revision !== old)
    ]
    const now = this.#clock.now()
    this.put({
      ...before,
      templateManagedAt: now,
      rollout: { ...before.rollout, state: 'complete', available: true, progressedAt: now, completedAt: now, brokenPods: [] },
      template,
      identity,
      revisions,
      generation: before.generation + 1,
      templateAt: { ...before.templateAt, mark: intent },
      templateWriters: [
        { manager: 'pipeline', index: 0, at: now - 600_000 },
        { manager: 'astern', index: 1, at: now }
      ]
    })
    const whole = { metadata: { uid: before.uid, managedFields: [{ manager: 'pipeline', operation: 'Update' }] }, spec: { template } }
    this.kube.own(whole)
    this.kube.objects.set(plan.write.path, whole)
    return { kind: 'applied', generation: before.generation + 1, at: 0, left: identity }
  }

  owned: readonly Owner[] = []
  async owners(): Promise<readonly Owner[]> {
    return this.owned
  }

  /** What a template names and is not there, as `ConfigMap app-1`. Everything else is. */
  readonly gone = new Set<string>()
  /** What may not be looked at, as `Secret`. */
  readonly unseen = new Set<string>()
  quotas: readonly JsonObject[] = []
  podSecurity: PodSecurityLabels = {}
  /** Kinds that are not served any more, as `extensions/v1beta1 Ingress`. */
  readonly unserved = new Set<string>()

  readonly around: Surroundings = {
    presence: async (_namespace, need) =>
      this.unseen.has(need.kind)
        ? { kind: 'unseen', why: `${needText(need)} (no right)` }
        : { kind: 'seen', value: this.gone.has(needText(need)) ? 'gone' : 'there' },
    quotas: async () => ({ kind: 'seen', value: this.quotas }),
    podSecurity: async () => ({ kind: 'seen', value: this.podSecurity }),
    serves: async (apiVersion, kind) => !this.unserved.has(`${apiVersion} ${kind}`)
  }

  async isNamespaced(_apiVersion: string, kind: string): Promise<ApiScope> {
    if (this.unreachable) return 'no-answer'
    return kind.startsWith('Unknown') ? undefined : !kind.startsWith('Cluster')
  }

  clockUncertainty(): number {
    return 0
  }

  clockOffset(): number {
    return this.offset
  }
}
