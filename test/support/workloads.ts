import { MINUTE } from '../../src/base/clock.ts'
import type { JsonObject } from '../../src/base/json.ts'
import type { PlanSituation } from '../../src/domain/action.ts'
import { type ObjectRef, objectPath } from '../../src/domain/objects.ts'
import type { Plan, Write, WriteIntent } from '../../src/domain/plan.ts'
import type { PodSummary } from '../../src/domain/pod.ts'
import { type Revision, templateIdentity, type Workload } from '../../src/domain/workload.ts'

export const NOON = Date.parse('2026-11-21T12:00:00Z')
export const TARGET: ObjectRef = { kind: 'Deployment', namespace: 'shop', name: 'api' }

export function templateOf(image: string, annotations: JsonObject = {}): JsonObject {
  return {
    metadata: { labels: { app: 'api' }, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
    spec: { containers: [{ name: 'api', image }] }
  }
}

export function revisionOf(number: number, image: string, createdAt: number, more: Partial<Revision> = {}): Revision {
  const template = templateOf(image)
  const madeAs = more.reused === true ? {} : { madeAs: number }
  return {
    number,
    name: `api-${number}`,
    identity: templateIdentity(template),
    template,
    createdAt,
    reused: false,
    readyPods: 0,
    ...madeAs,
    ...more
  }
}

export function podOf(name: string, more: Partial<PodSummary> = {}): PodSummary {
  return {
    name,
    uid: `uid-${name}`,
    ready: true,
    current: true,
    createdAt: NOON - 24 * 60 * MINUTE,
    terminating: false,
    controlled: true,
    mirror: false,
    hostNetwork: false,
    ...more
  }
}

/** A Deployment whose newest revision is the one that runs. */
export function workloadOf(revisions: readonly Revision[], more: Partial<Workload> = {}): Workload {
  const newest = [...revisions].sort((a, b) => b.number - a.number)[0]
  if (newest === undefined) throw new Error('a workload needs a revision')
  return {
    ref: TARGET,
    uid: 'uid-api',
    generation: newest.number,
    resourceVersion: '1',
    replicas: 3,
    paused: false,
    deleting: false,
    strategy: 'RollingUpdate',
    labels: {},
    annotations: {},
    templateAt: { path: objectPath(TARGET), uid: 'uid-api', pointer: '/spec/template', annotated: true },
    template: newest.template,
    identity: newest.identity,
    revisions: [...revisions].sort((a, b) => b.number - a.number),
    rollout: {
      state: 'complete',
      seen: true,
      detail: '3 of 3 available',
      available: true,
      progressedAt: newest.createdAt + 5_000,
      completedAt: newest.createdAt + 5_000,
      brokenPods: []
    },
    pods: [podOf('api-1')],
    ...more
  }
}

interface PlainInput extends PlanSituation {
  readonly options: object
}

/** What an action plans by, where nothing else matters; `more` says what does. */
export function planInput(workload: Workload): PlainInput
export function planInput<const M extends object>(workload: Workload, more: M): PlainInput & M
export function planInput(workload: Workload, more: object = {}): PlainInput {
  return {
    workload,
    options: {},
    observed: [],
    bad: [],
    incidents: [],
    unproven: [],
    passed: [],
    owners: [],
    values: { labels: {}, annotations: {} },
    now: NOON,
    ...more
  }
}

/** An intent of the plan, as the action is given it. */
export function intentOf<W extends Write>(plan: Plan<W>, id = 'i', createdAt = NOON): WriteIntent<W> {
  return { id, plan, createdAt }
}

/** The usual beginning: v1 ran since yesterday, v2 was deployed ten minutes before noon. */
export function badRollout(): Workload {
  return workloadOf([revisionOf(1, 'app:v1', NOON - 24 * 60 * MINUTE), revisionOf(2, 'app:v2', NOON - 10 * MINUTE)])
}
