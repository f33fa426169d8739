import { type JsonObject, listAt, textAt } from '../base/json.ts'
import { changeOf } from '../domain/change.ts'
import type { DeployGuardOptions, JudgedVersion } from '../domain/deploy-guard.ts'
import type { TargetFacts } from '../domain/ports/ledger.ts'
import type { Workload } from '../domain/workload.ts'

/** The version that a guard would judge now, or what is still to come. Instants in Astern's clock. */
export type Found =
  | { readonly kind: 'version'; readonly version: JudgedVersion; readonly undated?: string }
  /** `other`: the workload has another version than the one that is asked for, so that it may have been judged already. */
  | { readonly kind: 'to-come'; readonly awaits: string; readonly other?: true }
  | { readonly kind: 'over'; readonly detail: string }

interface Asked {
  readonly workload: Workload
  readonly facts: Pick<TargetFacts, 'observed' | 'markers'>
  readonly options: Pick<DeployGuardOptions, 'revision' | 'image'>
  readonly clusterOffset: number
  readonly now: number
}

/** Finds the newest version of a workload, once its controller has seen it and it is the one that was asked for. */
export function versionOf({ workload, facts, options, clusterOffset, now }: Asked): Found {
  const revisions = workload.revisions
  const [newest] = revisions
  if (newest === undefined || newest.identity !== workload.identity)
    return { kind: 'to-come', awaits: 'the controller to see the new template' }
  const images = imagesOf(workload.template)
  if (options.revision !== undefined && newest.number < options.revision)
    return { kind: 'to-come', awaits: `revision ${options.revision}; the newest one is ${newest.number}`, other: true }
  if (options.revision !== undefined && newest.number > options.revision)
    return { kind: 'over', detail: `revision ${newest.number} was rolled out after revision ${options.revision}` }
  if (options.image !== undefined && !images.includes(options.image))
    return { kind: 'to-come', awaits: `image ${options.image}; the newest version has ${images.join(', ')}`, other: true }
  const change = changeOf(
    workload,
    facts.observed,
    facts.markers.map(({ at }) => at + clusterOffset)
  )
  const before = revisions.find(({ identity }) => identity !== workload.identity)
  return {
    kind: 'version',
    version: {
      uid: workload.uid,
      identity: workload.identity,
      revision: newest.number,
      images,
      changedAt: change.kind === 'known' ? change.at - clusterOffset : now,
      ...(before === undefined
        ? {}
        : { replaces: { identity: before.identity, revision: before.number, images: imagesOf(before.template) } })
    },
    ...(change.kind === 'known' ? {} : { undated: change.why })
  }
}

/** What makes two guards judge the same: the object, its template, and which time it was rolled out. */
export function versionKey({ uid, identity, revision }: JudgedVersion): string {
  return `${uid}/${identity}/${revision ?? ''}`
}

/** The images of a template's containers, as it names them. */
function imagesOf(template: JsonObject): readonly string[] {
  return listAt(template, 'spec', 'containers').flatMap(container => textAt(container, 'image') ?? [])
}
