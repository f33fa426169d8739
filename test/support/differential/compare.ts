import { rolloutUndo } from '../../../src/actions/rollout-undo/rollout-undo.ts'
import { type JsonObject, objectAt, textMap } from '../../../src/base/json.ts'
import { templateIdentity } from '../../../src/domain/workload.ts'
import { ok, pathOf } from '../conformance/clients.ts'
import { planInput } from '../workloads.ts'
import { bare, isCurrent, kubectl, type Played, revisionOf, type Stage, settled } from './play.ts'

/** Every way in which Astern's undo is meant to differ from kubectl's, and why. Nothing else may differ. */
export const INTENDED = {
  bad: 'kubectl takes the second highest number, which after one undo is the version that was just taken away: never back to bad.',
  restart: 'kubectl goes back to the same code: a restart made the "previous" revision. Astern looks for one that differs.',
  unclear:
    'kubectl asks for no proof. Astern goes back only to what is known to have run; where a ReplicaSet was taken up again, or the next one is gone, the cluster does not tell for how long.',
  unnumbered: 'kubectl counts a ReplicaSet without a revision as number 0 and may choose it; to Astern its place is unknown.',
  doubled: 'Two ReplicaSets with one number: kubectl takes whichever the list has first, Astern the one made last.',
  annotations: 'kubectl replaces the annotations of the Deployment by those of the old ReplicaSet; Astern touches none but its own mark.'
} as const
export type Difference = keyof typeof INTENDED

export interface Comparison {
  readonly same: 'template' | 'nowhere' | undefined
  readonly differences: readonly Difference[]
  /** What is wrong; empty where all is as it should be. */
  readonly wrong: readonly string[]
  readonly story: string
}

/** Plans with Astern, writes it with `dryRun=All`, then lets the real kubectl undo, and compares what each would leave. */
export async function compare(stage: Stage, { name, observed, bad }: Played): Promise<Comparison> {
  const { kube, cluster } = stage.admin
  const path = pathOf({ namespace: stage.namespace, name })
  const { deployment, sets } = await settled(stage, name)
  const read = await cluster.read({ kind: 'Deployment', namespace: stage.namespace, name }, AbortSignal.timeout(10_000))
  if (read.kind !== 'found') throw new Error(`${name}: ${read.detail}`)
  const result = rolloutUndo.plan(planInput(read.workload, { options: { provenFor: '0s' }, observed, bad, now: Date.now() }))
  const ours = result.kind === 'plan' ? ok(await kube.jsonPatch(`${path}?dryRun=All`, [...result.plan.write.operations])) : undefined
  const answer = await kubectl(stage, 'rollout', 'undo', `deployment/${name}`)
  const after = ok(await kube.get(path))
  const theirs = templateOf(after) === templateOf(deployment) ? undefined : after

  const wrong: string[] = []
  const current = templateIdentity(objectAt(deployment, 'spec', 'template'))
  const allowed = sets
    .filter(set => numberOf(set) !== undefined && identityOf(set) !== current && !bad.includes(identityOf(set)))
    .filter(
      set =>
        observed.length > 0 ||
        sets.some(other => numberOf(other) !== undefined && identityOf(other) === identityOf(set) && isClear(other, sets))
    )
    .sort((a, b) => revisionOf(b) - revisionOf(a) || madeAt(b) - madeAt(a))
  const expected = allowed[0]
  if (ours === undefined && expected !== undefined)
    wrong.push(`Astern refused, though revision ${revisionOf(expected)} may be gone back to`)
  if (ours !== undefined && expected === undefined) wrong.push('Astern goes somewhere, though no revision may be gone back to')
  if (ours !== undefined && expected !== undefined && templateOf(ours) !== bare(objectAt(expected, 'spec', 'template')))
    wrong.push(`Astern does not go to revision ${revisionOf(expected)}`)

  const differences = new Set<Difference>()
  const sameTemplate = ours !== undefined && theirs !== undefined && templateOf(ours) === templateOf(theirs)
  const nowhere = ours === undefined && theirs === undefined
  if (!sameTemplate && !nowhere) {
    const chosen = theirs === undefined ? undefined : sets.find(set => isCurrent(theirs, set))
    if (chosen === undefined) wrong.push(`kubectl goes nowhere (${answer.said}), Astern does`)
    else {
      if (bad.includes(identityOf(chosen))) differences.add('bad')
      if (identityOf(chosen) === current) differences.add('restart')
      if (numberOf(chosen) === undefined) differences.add('unnumbered')
      if (sets.filter(set => revisionOf(set) === revisionOf(chosen)).length > 1) differences.add('doubled')
      if (observed.length === 0 && !isClear(chosen, sets)) differences.add('unclear')
      if (differences.size === 0) wrong.push(`kubectl goes to revision ${revisionOf(chosen)}, Astern does not, and there is no reason`)
    }
  }
  if (sameTemplate) {
    const rest = (object: JsonObject): string => JSON.stringify({ ...objectAt(object, 'spec'), template: undefined })
    if (rest(ours) !== rest(theirs)) wrong.push('something besides the template differs')
    if (Object.keys(annotationsOf(deployment)).some(key => annotationsOf(theirs)[key] === undefined)) differences.add('annotations')
  }
  if (ours !== undefined)
    for (const [key, value] of Object.entries(annotationsOf(deployment)))
      if (annotationsOf(ours)[key] !== value) wrong.push(`Astern's undo changes the annotation ${key}`)
  const story = `${name}: kubectl: ${answer.said}; Astern: ${result.kind === 'plan' ? result.plan.summary : result.refusal.detail}; ReplicaSets: ${sets
    .map(set =>
      JSON.stringify([
        annotationsOf(set)['deployment.kubernetes.io/revision'],
        annotationsOf(set)['deployment.kubernetes.io/revision-history'],
        identityOf(set).slice(0, 6)
      ])
    )
    .join(' ')}`
  return { same: sameTemplate ? 'template' : nowhere ? 'nowhere' : undefined, differences: [...differences], wrong, story }
}

function templateOf(deployment: JsonObject): string {
  return bare(objectAt(deployment, 'spec', 'template'))
}

function identityOf(set: JsonObject): string {
  return templateIdentity(objectAt(set, 'spec', 'template'))
}

function annotationsOf(object: JsonObject): Readonly<Record<string, string>> {
  return textMap(objectAt(object, 'metadata')['annotations'])
}

function numberOf(set: JsonObject): number | undefined {
  return revisionOf(set) === 0 ? undefined : revisionOf(set)
}

function madeAt(set: JsonObject): number {
  return Date.parse(String(objectAt(set, 'metadata')['creationTimestamp']))
}

function madeAs(set: JsonObject): number {
  return Number((annotationsOf(set)['deployment.kubernetes.io/revision-history'] ?? '').split(',')[0] || revisionOf(set))
}

/** Whether the cluster tells from when to when it ran: it, and the one that took its place, were made as known numbers. */
function isClear(set: JsonObject, sets: readonly JsonObject[]): boolean {
  const numbered = sets.filter(other => numberOf(other) !== undefined)
  const as = (number: number): readonly JsonObject[] => numbered.filter(other => madeAs(other) === number)
  const next = as(madeAs(set) + 1)[0]
  return as(madeAs(set)).length === 1 && as(madeAs(set) + 1).length === 1 && next !== undefined && madeAt(next) >= madeAt(set)
}
