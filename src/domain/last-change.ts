import { MINUTE } from '../base/clock.ts'
import { differenceText, type TemplatePart, templateDifference } from './template-difference.ts'
import type { Revision, Workload } from './workload.ts'

/** What made the present version of the one before it, as far as the cluster shows it. */
export interface LastChange {
  /** The field manager that wrote it; absent where none wrote at that time. */
  readonly by?: string
  readonly differs: readonly TemplatePart[]
  /**
   * True where an operator did it: it changed only annotations and variables, has nothing else of the template, and is no kubectl, which
   * is what people have in their hands.
   */
  readonly operator: boolean
}

/** Times of one change, as the field manager and other witnesses tell it, differ by less. */
const SAME_CHANGE_MS = MINUTE

/** What the change at an instant (API server's clock) was; undefined where the version before it is not kept. */
export function lastChange(workload: Workload, at: number): LastChange | undefined {
  const { revisions, identity, templateManager, templateManagedAt, templateManagerOnlyMarks } = workload
  const before = versionBefore(workload)
  if (before === undefined) return undefined
  // The controller may not have made its revision yet.
  const present = revisions.find(revision => revision.identity === identity)?.template ?? workload.template
  const differs = templateDifference(before.template, present)
  const known = templateManager !== undefined && templateManagedAt !== undefined && Math.abs(templateManagedAt - at) < SAME_CHANGE_MS
  const operator =
    known &&
    templateManagerOnlyMarks === true &&
    !templateManager.startsWith('kubectl') &&
    differs.length > 0 &&
    differs.every(({ kind }) => kind === 'annotation' || kind === 'variable')
  return { ...(known ? { by: templateManager } : {}), differs, operator }
}

/** The newest version that the target had before the present one. */
function versionBefore({ revisions, identity }: Workload): Revision | undefined {
  const present = revisions.find(revision => revision.identity === identity)
  return revisions.find(revision => revision.identity !== identity && revision.number < (present?.number ?? Number.POSITIVE_INFINITY))
}

/** Whether the present version is that one, and an operator has only put its own annotations or variables on it since. */
export function isBumped(workload: Workload, version: string | undefined): boolean {
  return (
    versionBefore(workload)?.identity === version &&
    workload.templateManagedAt !== undefined &&
    lastChange(workload, workload.templateManagedAt)?.operator === true
  )
}

/** Says who changed what, for people; empty where nothing is known. */
export function lastChangeText(change: LastChange | undefined): string {
  if (change === undefined) return ''
  const by = change.by === undefined ? '' : ` by ${change.by}`
  return change.differs.length === 0 ? by : `${by} (${differenceText(change.differs)})`
}
