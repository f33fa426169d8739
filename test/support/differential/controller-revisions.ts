import fc from 'fast-check'
import type { Test } from 'tap'
import { rolloutUndo } from '../../../src/actions/rollout-undo/rollout-undo.ts'
import { canonicalJson, instantAt, isObject, type JsonObject, listAt, numberAt, objectAt, textAt } from '../../../src/base/json.ts'
import { kubectlName, type ObjectRef, objectPath } from '../../../src/domain/objects.ts'
import { type ObservedTemplate, templateIdentity } from '../../../src/domain/workload.ts'
import { startControlPlane } from '../cluster/control-plane.ts'
import { deploymentOf, ok, openClients } from '../conformance/clients.ts'
import { planInput } from '../workloads.ts'
import { kubectl, type Stage } from './play.ts'

/** Every way in which Astern's undo of these kinds is meant to differ from kubectl's, and why. Nothing else may differ. */
export const INTENDED = {
  bad: 'kubectl takes the last but one number, which after an undo is the version that was just taken away: never back to bad.',
  restart: 'kubectl goes back to the same code: a restart made the last but one revision.',
  unclear:
    'kubectl asks for no proof. A ControllerRevision does not tell whether it was taken up again; where Astern did not watch, it goes back only to one whose time is known.'
} as const
type Difference = keyof typeof INTENDED
export type Tally = ReadonlyMap<Difference | 'template' | 'nowhere', number>
export type Revisioned = 'StatefulSet' | 'DaemonSet'

type Deed =
  | { readonly deed: 'image'; readonly tag: number }
  | { readonly deed: 'environment'; readonly value: number }
  | { readonly deed: 'restart' }
  | { readonly deed: 'undo'; readonly remembered: boolean }
  | { readonly deed: 'prune'; readonly which: number }
  /** Kubernetes' times have whole seconds. */
  | { readonly deed: 'wait' }

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ deed: fc.constant('image' as const), tag: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ deed: fc.constant('environment' as const), value: fc.nat({ max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ deed: fc.constant('restart' as const) }) },
  { weight: 3, arbitrary: fc.record({ deed: fc.constant('undo' as const), remembered: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ deed: fc.constant('prune' as const), which: fc.nat({ max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ deed: fc.constant('wait' as const) }) }
)

interface History {
  readonly deeds: readonly Deed[]
  readonly watched: boolean
}

/** Histories under way at a time. */
const TOGETHER = 8

export async function compareRevisioned(t: Test, kind: Revisioned, seed: number, count: number): Promise<Tally> {
  const plane = await startControlPlane()
  const admin = await openClients(plane.kubeconfig)
  t.teardown(async () => {
    admin.close()
    await plane.stop()
  })
  const stage: Stage = { admin, kubeconfig: plane.kubeconfig, namespace: 'histories' }
  ok(await admin.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: stage.namespace } }))
  const tally = new Map<Difference | 'template' | 'nowhere', number>()
  const history = fc.record({ deeds: fc.array(deed, { minLength: 1, maxLength: 9, size: 'max' }), watched: fc.boolean() })
  const todo = [...fc.sample(history, { seed, numRuns: count }).entries()]
  const worker = async (): Promise<void> => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const [index, one] = next
      const { found, wrong, story } = await playAndCompare(stage, { kind, namespace: stage.namespace, name: `history-${index}` }, one)
      if (wrong.length > 0) t.fail(wrong.join('; '), { seed, index, history: one, story })
      for (const key of found) tally.set(key, (tally.get(key) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, worker))
  t.comment(`${kind}: of ${count} histories: ${[...tally].map(([key, times]) => `${key} ${times}`).join(', ')}`)
  return tally
}

interface Settled {
  readonly set: JsonObject
  /** By number, lowest first. */
  readonly revisions: readonly JsonObject[]
}

async function playAndCompare(stage: Stage, ref: ObjectRef, { deeds, watched }: History) {
  const { kube, cluster } = stage.admin
  const path = objectPath(ref)
  // No pods: it is the controller's book-keeping that is compared.
  const spec = ref.kind === 'StatefulSet' ? { serviceName: ref.name } : {}
  const object = deploymentOf(ref.name, 'app:0', { kind: ref.kind, replicas: 0, spec })
  const nowhere = { ...objectAt(object, 'spec', 'template', 'spec'), nodeSelector: { nowhere: 'true' } }
  const template = { ...objectAt(object, 'spec', 'template'), spec: nowhere }
  ok(await kube.post(path.replace(/\/[^/]+$/, ''), { ...object, spec: { ...objectAt(object, 'spec'), template } }))
  let now = await settled(stage, ref)
  const observed: ObservedTemplate[] = []
  const bad: string[] = []
  const look = (seen: boolean): void => {
    const identity = templateIdentity(templateOf(now.set))
    if (observed.at(-1)?.identity !== identity)
      observed.push({ uid: textAt(now.set, 'metadata', 'uid') ?? '', identity, at: Date.now(), seen })
  }
  look(false)
  for (const one of deeds) {
    const before = templateIdentity(templateOf(now.set))
    await act(stage, ref, now, one)
    now = await settled(stage, ref)
    if (one.deed === 'undo' && one.remembered && templateIdentity(templateOf(now.set)) !== before) bad.push(before)
    look(true)
  }
  const seen = watched ? observed : []
  const read = await cluster.read(ref, AbortSignal.timeout(10_000))
  if (read.kind !== 'found') throw new Error(`${ref.name}: ${read.detail}`)
  const result = rolloutUndo.plan(planInput(read.workload, { options: { provenFor: '0s' }, observed: seen, bad, now: Date.now() }))
  const ours = result.kind === 'plan' ? ok(await kube.jsonPatch(`${path}?dryRun=All`, [...result.plan.write.operations])) : undefined
  const answer = await kubectl(stage, 'rollout', 'undo', kubectlName(ref))
  const after = ok(await kube.get(path))
  const theirs = same(templateOf(after), templateOf(now.set)) ? undefined : after
  return {
    ...judge(now, { ours, theirs, seen, bad }),
    story: `kubectl: ${answer.said}; Astern: ${result.kind === 'plan' ? result.plan.summary : result.refusal.detail}`
  }
}

function judge(
  { set, revisions }: Settled,
  {
    ours,
    theirs,
    seen,
    bad
  }: {
    readonly ours: JsonObject | undefined
    readonly theirs: JsonObject | undefined
    readonly seen: readonly ObservedTemplate[]
    readonly bad: readonly string[]
  }
): { readonly found: readonly (Difference | 'template' | 'nowhere')[]; readonly wrong: readonly string[] } {
  const wrong: string[] = []
  const current = templateIdentity(templateOf(set))
  const identity = (revision: JsonObject): string => templateIdentity(templateIn(revision))
  // An oracle of its own: what may be gone back to, newest first.
  const allowed = [...revisions]
    .reverse()
    .filter(revision => identity(revision) !== current && !bad.includes(identity(revision)))
    .filter(
      revision => seen.length > 0 || revisions.some(other => identity(other) === identity(revision) && timesAreKnown(other, revisions))
    )
  const [expected] = allowed
  if (ours === undefined && expected !== undefined) wrong.push(`Astern refused, though revision ${numberOf(expected)} may be gone back to`)
  if (ours !== undefined && expected === undefined) wrong.push('Astern goes somewhere, though no revision may be gone back to')
  if (ours !== undefined && expected !== undefined && !same(templateOf(ours), templateIn(expected)))
    wrong.push(`Astern does not go to revision ${numberOf(expected)}`)
  if (
    ours !== undefined &&
    canonicalJson({ ...objectAt(ours, 'spec'), template: 0 }) !== canonicalJson({ ...objectAt(set, 'spec'), template: 0 })
  )
    wrong.push('something besides the template differs')
  if (ours === undefined && theirs === undefined) return { found: ['nowhere'], wrong }
  if (ours !== undefined && theirs !== undefined && same(templateOf(ours), templateOf(theirs))) return { found: ['template'], wrong }
  const chosen = theirs === undefined ? undefined : revisions.find(revision => same(templateIn(revision), templateOf(theirs)))
  if (chosen === undefined) {
    // "Skipped": the last but one has the very template that runs.
    const last = revisions.at(-2)
    if (last !== undefined && same(templateIn(last), templateOf(set))) return { found: ['restart'], wrong }
    return { found: [], wrong: [...wrong, 'kubectl goes nowhere, Astern does'] }
  }
  const found: Difference[] = []
  if (bad.includes(identity(chosen))) found.push('bad')
  if (identity(chosen) === current) found.push('restart')
  if (seen.length === 0 && !timesAreKnown(chosen, revisions)) found.push('unclear')
  if (found.length === 0) wrong.push(`kubectl goes to revision ${numberOf(chosen)}, Astern does not, and there is no reason`)
  return { found, wrong }
}

/** From when to when it ran: it, and the next number, were made in that order, in seconds of their own, and nothing is missing before. */
function timesAreKnown(revision: JsonObject, revisions: readonly JsonObject[]): boolean {
  const asMade = (one: JsonObject): boolean => {
    const older = revisions.filter(
      other => other !== one && (madeAt(other) < madeAt(one) || (madeAt(other) === madeAt(one) && numberOf(other) < numberOf(one)))
    )
    return Math.max(0, ...older.map(numberOf)) + 1 === numberOf(one) && older.every(other => madeAt(other) < madeAt(one))
  }
  const next = revisions.find(other => numberOf(other) === numberOf(revision) + 1)
  return next !== undefined && asMade(revision) && asMade(next)
}

async function act(stage: Stage, ref: ObjectRef, { set, revisions }: Settled, one: Deed): Promise<void> {
  const { kube } = stage.admin
  const patch = async (operations: readonly JsonObject[]): Promise<void> => void ok(await kube.jsonPatch(objectPath(ref), operations))
  switch (one.deed) {
    case 'image':
      return patch([{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: `app:${one.tag}` }])
    case 'environment':
      return patch([{ op: 'add', path: '/spec/template/spec/containers/0/env', value: [{ name: 'LEVEL', value: String(one.value) }] }])
    case 'restart':
      await kubectl(stage, 'rollout', 'restart', kubectlName(ref))
      return
    case 'undo':
      await kubectl(stage, 'rollout', 'undo', kubectlName(ref))
      return
    case 'wait':
      return new Promise(resolve => setTimeout(resolve, 1_050))
    case 'prune': {
      const old = revisions.filter(revision => !same(templateIn(revision), templateOf(set)))
      const chosen = old[one.which % Math.max(1, old.length)]
      if (chosen === undefined) return
      ok(await kube.delete(`/apis/apps/v1/namespaces/${ref.namespace}/controllerrevisions/${textAt(chosen, 'metadata', 'name') ?? ''}`))
    }
  }
}

async function settled(stage: Stage, ref: ObjectRef): Promise<Settled> {
  const { kube } = stage.admin
  const until = Date.now() + 30_000
  for (;;) {
    const set = ok(await kube.get(objectPath(ref)))
    const list = ok(await kube.get(`/apis/apps/v1/namespaces/${ref.namespace}/controllerrevisions?labelSelector=app%3D${ref.name}`))
    const revisions = listAt(list, 'items')
      .filter(isObject)
      .sort((a, b) => numberOf(a) - numberOf(b))
    const newest = revisions.at(-1)
    const seen = numberAt(set, 'status', 'observedGeneration') === numberAt(set, 'metadata', 'generation')
    if (seen && newest !== undefined && same(templateIn(newest), templateOf(set))) return { set, revisions }
    if (Date.now() > until) throw new Error(`${ref.name} did not settle: ${JSON.stringify({ set, revisions })}`)
    await new Promise(resolve => setTimeout(resolve, 25))
  }
}

function templateOf(set: JsonObject): JsonObject {
  return objectAt(set, 'spec', 'template')
}

function templateIn(revision: JsonObject): JsonObject {
  const { $patch: _, ...template } = objectAt(revision, 'data', 'spec', 'template')
  return template
}

function numberOf(revision: JsonObject): number {
  return numberAt(revision, 'revision') ?? 0
}

function madeAt(revision: JsonObject): number {
  return instantAt(revision, 'metadata', 'creationTimestamp') ?? 0
}

/** `creationTimestamp: null` stands in a ControllerRevision's template, and in no set's. */
function same(a: JsonObject, b: JsonObject): boolean {
  const bare = (template: JsonObject): string => {
    const { creationTimestamp: _, ...metadata } = objectAt(template, 'metadata')
    return canonicalJson({ ...template, metadata })
  }
  return bare(a) === bare(b)
}
