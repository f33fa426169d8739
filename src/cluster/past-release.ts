import { SECOND } from '../base/clock.ts'
import { type JsonObject, listAt, objectAt, textAt } from '../base/json.ts'
import { contradicted } from '../domain/declared.ts'
import type { PastRelease } from '../domain/past-release.ts'
import { isSame } from '../domain/touched.ts'
import { type Release, templateIdentity, type Workload } from '../domain/workload.ts'
import { asListed } from './listed.ts'
import type { DeclaredObject } from './release-contents.ts'

/** A controller makes the revision of a template a moment after helm wrote it, and helm may have ended by then. */
const CONTROLLER_LAGS_MS = 10 * SECOND

/**
 * Whether the target's template was changed past the release that has it. Two things must say so: an earlier revision of the target has
 * all that the release declares, and the present one either has something else, or is newer than the release's last operation. A
 * webhook that changes what helm writes changes every revision, and so makes none that agrees.
 */
export function pastRelease(
  workload: Pick<Workload, 'ref' | 'uid' | 'templateAt' | 'template' | 'identity' | 'revisions'>,
  { latest }: Pick<Release, 'latest'>,
  declares: readonly DeclaredObject[] = []
): { readonly pastRelease?: PastRelease } {
  const { ref, template, identity, revisions } = workload
  if (latest === undefined || latest.status.startsWith('pending-') || workload.templateAt.uid !== workload.uid) return {}
  const manifests = declares.filter(({ object }) => isSame(object, asListed(ref))).map(one => one.template)
  if (manifests.length === 0) return {}
  // Of a newer revision that failed, and of the deployed one, the present template may have either.
  const differences = manifests.map(manifest => ({ manifest, fields: contradicted(manifest, template) }))
  const kept = differences.filter(one => one.fields.length === 0)
  const fields = kept.length > 0 ? [] : (differences.at(-1)?.fields ?? [])
  const wanted = (kept.length > 0 ? kept : differences).map(one => one.manifest)
  const agrees = revisions.filter(
    revision => revision.identity !== identity && wanted.some(manifest => contradicted(manifest, revision.template).length === 0)
  )
  if (agrees.length === 0) return {}
  const ended = Math.max(latest.changedAt, latest.finishedAt ?? 0)
  if (fields.length === 0 && (!isNewer(workload, ended) || agrees.some(revision => isBump(revision.template, template)))) return {}
  return { pastRelease: { declared: [...new Set(agrees.map(revision => revision.identity))], fields } }
}

/** Whether the present template came after a release's operation ended. Restarts make it no newer. */
function isNewer({ identity, revisions }: Pick<Workload, 'identity' | 'revisions'>, ended: number): boolean {
  const own = revisions.filter(revision => revision.identity === identity)
  return own.length > 0 && own.every(({ reused, createdAt }) => !reused && createdAt > ended + CONTROLLER_LAGS_MS)
}

/** The variables by which Stakater's Reloader makes pods start anew. */
const RELOADER = /^STAKATER_/

/**
 * Whether two templates differ only by what operators add to make pods start anew: annotations, or a variable of Reloader's. What changed
 * then is what they watch, such as a ConfigMap of the release.
 */
function isBump(before: JsonObject, after: JsonObject): boolean {
  return templateIdentity(withoutBumps(before)) === templateIdentity(withoutBumps(after))
}

function withoutBumps(template: JsonObject): JsonObject {
  const { annotations: _, ...metadata } = objectAt(template, 'metadata')
  const spec = objectAt(template, 'spec')
  const containers = listAt(spec, 'containers').map(container => {
    const env = listAt(container, 'env').filter(variable => !RELOADER.test(textAt(variable, 'name') ?? ''))
    return { ...objectAt(container), env: env.length === 0 ? undefined : env }
  })
  return { ...template, metadata, spec: { ...spec, containers } }
}
