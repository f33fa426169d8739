import { matchesGlob } from '../base/globs.ts'
import { isObject, type JsonObject, listAt, objectAt, textAt } from '../base/json.ts'
import type { IgnoredParts } from './policy.ts'
import type { TargetFacts } from './ports/ledger.ts'
import { type ObservedTemplate, templateIdentity, type Workload } from './workload.ts'

/** A template without the ignored annotations and variables. */
export function withoutIgnored(template: JsonObject, { annotations, env }: IgnoredParts): JsonObject {
  const metadata = objectAt(template, 'metadata')
  const spec = objectAt(template, 'spec')
  const kept = Object.entries(objectAt(metadata, 'annotations')).filter(([name]) => !isAmong(annotations, name))
  const lists = ['initContainers', 'containers'].flatMap(list =>
    spec[list] === undefined ? [] : [[list, listAt(spec, list).map(container => withoutVariables(container, env))]]
  )
  return {
    ...template,
    metadata: { ...metadata, annotations: Object.fromEntries(kept) },
    spec: { ...spec, ...(Object.fromEntries(lists) as JsonObject) }
  }
}

function withoutVariables(container: unknown, env: readonly string[]): unknown {
  if (!isObject(container) || container['env'] === undefined) return container
  const { env: _, ...rest } = container
  const kept = listAt(container, 'env').filter(variable => !isAmong(env, textAt(variable, 'name') ?? ''))
  // A list without anything in it is the same as none.
  return kept.length === 0 ? rest : { ...rest, env: kept }
}

function isAmong(globs: readonly string[], name: string): boolean {
  return globs.some(glob => matchesGlob(glob, name))
}

/** The target as a policy sees it that ignores parts of templates: revisions that differ only in those are one version. */
export function asIgnoring(workload: Workload, ignored: IgnoredParts | undefined): Workload {
  if (ignored === undefined) return workload
  const seenAs = new Map(
    workload.revisions.map(({ identity, template }) => [identity, templateIdentity(withoutIgnored(template, ignored))] as const)
  )
  const identity = seenAs.get(workload.identity) ?? templateIdentity(withoutIgnored(workload.template, ignored))
  seenAs.set(workload.identity, identity)
  const ofRevision = new Map(workload.revisions.map(revision => [revision.name, seenAs.get(revision.identity)]))
  return {
    ...workload,
    identity,
    revisions: workload.revisions.map(revision => ({ ...revision, identity: seenAs.get(revision.identity) ?? revision.identity })),
    pods: workload.pods.map(pod => ({ ...pod, current: pod.of === undefined ? pod.current : ofRevision.get(pod.of) === identity })),
    seenAs: Object.fromEntries(seenAs)
  }
}

/** Every name of the target's present version: the watch, and policies that ignore nothing, know it by others. */
export function namesOfPresent({ identity, seenAs = {} }: Pick<Workload, 'identity' | 'seenAs'>): readonly string[] {
  const others = Object.entries(seenAs).flatMap(([name, as]) => (as === identity ? [name] : []))
  return [...new Set([identity, ...others])]
}

/** What the ledger knows of a target, in the names by which the policy knows its versions. */
export function factsIgnoring(facts: TargetFacts, { seenAs }: Pick<Workload, 'seenAs'>): TargetFacts {
  if (seenAs === undefined) return facts
  const as = (identity: string): string => seenAs[identity] ?? identity
  const observed: ObservedTemplate[] = []
  for (const template of facts.observed) {
    const seen = { ...template, identity: as(template.identity) }
    const last = observed.findLast(({ uid }) => uid === seen.uid)
    // The watch saw one version become another that is none for this policy.
    if (seen.seen && last?.identity === seen.identity) continue
    observed.push(seen)
  }
  return {
    ...facts,
    observed,
    bad: facts.bad.map(bad => ({ ...bad, identity: as(bad.identity) })),
    ownWrites: facts.ownWrites.map(as),
    passed: facts.passed.map(as)
  }
}
