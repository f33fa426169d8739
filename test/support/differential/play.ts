import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { canonicalJson, isObject, type JsonObject, listAt, numberAt, objectAt, textAt, textMap } from '../../../src/base/json.ts'
import { type ObservedTemplate, templateIdentity } from '../../../src/domain/workload.ts'
import { deploymentOf, ok, pathOf, type TestClients } from '../conformance/clients.ts'
import type { Deed, History } from './histories.ts'

const run = promisify(execFile)
const REVISION = 'deployment.kubernetes.io/revision'

export interface Stage {
  readonly admin: TestClients
  readonly kubeconfig: string
  readonly namespace: string
}

/** What a history left, and what Astern knows of it besides what the cluster keeps. */
export interface Played {
  readonly name: string
  readonly observed: readonly ObservedTemplate[]
  readonly bad: readonly string[]
}

/** Answers of kubectl, its refusals included. */
export async function kubectl(stage: Stage, ...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  try {
    const { stdout, stderr } = await run('kubectl', ['--kubeconfig', stage.kubeconfig, '-n', stage.namespace, ...args])
    return { code: 0, said: `${stdout}${stderr}`.trim() }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')
      throw new Error('kubectl is not on PATH: install it (https://kubernetes.io/docs/tasks/tools/)', { cause })
    const { code, stderr } = cause as { readonly code?: number; readonly stderr?: string }
    return { code: code ?? 1, said: (stderr ?? '').trim() }
  }
}

export async function play(stage: Stage, name: string, history: History): Promise<Played> {
  const { kube } = stage.admin
  const path = pathOf({ namespace: stage.namespace, name })
  ok(await kube.post(pathOf({ namespace: stage.namespace }), deploymentOf(name, 'app:0', { replicas: 0 })))
  let { deployment } = await settled(stage, name)
  const observed: ObservedTemplate[] = []
  const bad: string[] = []
  const look = (seen: boolean): void => {
    const identity = templateIdentity(objectAt(deployment, 'spec', 'template'))
    if (observed.at(-1)?.identity !== identity)
      observed.push({ uid: textAt(deployment, 'metadata', 'uid') ?? '', identity, at: Date.now(), seen })
  }
  look(false)
  for (const deed of history.deeds) {
    const before = templateIdentity(objectAt(deployment, 'spec', 'template'))
    await act(stage, name, path, deed)
    ;({ deployment } = await settled(stage, name))
    const after = templateIdentity(objectAt(deployment, 'spec', 'template'))
    if (deed.deed === 'undo' && deed.remembered && after !== before) bad.push(before)
    look(true)
  }
  return { name, observed: history.watched ? observed : [], bad }
}

async function act(stage: Stage, name: string, path: string, deed: Deed): Promise<void> {
  const { kube } = stage.admin
  const patch = async (operations: readonly JsonObject[]): Promise<void> => void ok(await kube.jsonPatch(path, operations))
  switch (deed.deed) {
    case 'image':
      return patch([{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: `app:${deed.tag}` }])
    case 'environment':
      return patch([{ op: 'add', path: '/spec/template/spec/containers/0/env', value: [{ name: 'LEVEL', value: String(deed.value) }] }])
    case 'restart':
      // Within one second kubectl's restart is the same patch again, and an error: that is a no-op here.
      await kubectl(stage, 'rollout', 'restart', `deployment/${name}`)
      return
    case 'scale':
      return patch([{ op: 'replace', path: '/spec/replicas', value: deed.replicas }])
    case 'undo':
      await kubectl(stage, 'rollout', 'undo', `deployment/${name}`)
      return
    case 'annotate':
      await kubectl(stage, 'annotate', '--overwrite', `deployment/${name}`, `example.com/tracking=${deed.value}`)
      return
    case 'change-cause':
      await kubectl(stage, 'annotate', '--overwrite', `deployment/${name}`, `kubernetes.io/change-cause=deploy ${deed.value}`)
      return
    case 'prune':
    case 'revision-missing':
    case 'revision-unreadable':
    case 'revision-doubled':
      return tamper(stage, name, deed)
  }
}

async function tamper(stage: Stage, name: string, deed: Extract<Deed, { readonly which: number }>): Promise<void> {
  const { kube } = stage.admin
  const { deployment, sets } = await settled(stage, name)
  const old = sets.filter(set => !isCurrent(deployment, set)).sort((a, b) => revisionOf(a) - revisionOf(b))
  const chosen = old[deed.which % Math.max(1, old.length)]
  if (chosen === undefined) return
  const path = pathOf({ namespace: stage.namespace, name: textAt(chosen, 'metadata', 'name') ?? '' }, 'replicasets')
  const annotation = `/metadata/annotations/${REVISION.replace('/', '~1')}`
  switch (deed.deed) {
    case 'prune':
      ok(await kube.delete(path))
      return
    case 'revision-missing':
      if (textMap(objectAt(chosen, 'metadata')['annotations'])[REVISION] !== undefined)
        ok(await kube.jsonPatch(path, [{ op: 'remove', path: annotation }]))
      return
    case 'revision-unreadable':
      ok(await kube.jsonPatch(path, [{ op: 'add', path: annotation, value: 'seven' }]))
      return
    case 'revision-doubled': {
      const other = old[(deed.which + 1) % old.length]
      if (other === undefined || other === chosen) return
      ok(await kube.jsonPatch(path, [{ op: 'add', path: annotation, value: String(revisionOf(other)) }]))
    }
  }
}

/** Waits until the controller has worked off everything: revisions, not pods. */
export async function settled(
  stage: Stage,
  name: string
): Promise<{ readonly deployment: JsonObject; readonly sets: readonly JsonObject[] }> {
  const { kube } = stage.admin
  const until = Date.now() + 30_000
  for (;;) {
    const deployment = ok(await kube.get(pathOf({ namespace: stage.namespace, name })))
    const list = ok(await kube.get(`${pathOf({ namespace: stage.namespace }, 'replicasets')}?labelSelector=app%3D${name}`))
    const sets = listAt(list, 'items')
      .filter(isObject)
      .filter(set => objectAt(set, 'metadata')['deletionTimestamp'] === undefined)
    const current = sets.find(set => isCurrent(deployment, set))
    const seen = numberAt(deployment, 'status', 'observedGeneration') === numberAt(deployment, 'metadata', 'generation')
    const newest =
      current !== undefined &&
      sets.every(set => set === current || revisionOf(set) < revisionOf(current)) &&
      textMap(objectAt(deployment, 'metadata')['annotations'])[REVISION] === String(revisionOf(current))
    if (seen && newest) return { deployment, sets }
    if (Date.now() > until) throw new Error(`${name} did not settle: ${JSON.stringify({ deployment, sets })}`)
    await new Promise(resolve => setTimeout(resolve, 25))
  }
}

export function revisionOf(set: JsonObject): number {
  return Number(textMap(objectAt(set, 'metadata')['annotations'])[REVISION] ?? '0') || 0
}

/** A template as two of them are compared: without the label that tells ReplicaSets apart. */
export function bare(template: JsonObject): string {
  const { 'pod-template-hash': _, ...labels } = objectAt(template, 'metadata', 'labels')
  return canonicalJson({ ...template, metadata: { ...objectAt(template, 'metadata'), labels } })
}

export function isCurrent(deployment: JsonObject, set: JsonObject): boolean {
  return bare(objectAt(set, 'spec', 'template')) === bare(objectAt(deployment, 'spec', 'template'))
}
