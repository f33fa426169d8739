import { MINUTE } from '../base/clock.ts'
import { differenceText, type TemplatePart, templateDifference } from './template-difference.ts'
import type { Workload } from './workload.ts'

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
  const present = revisions.find(revision => revision.identity === identity)
  const before = revisions.find(
    revision => revision.identity !== identity && revision.number < (present?.number ?? Number.POSITIVE_INFINITY)
  )
  if (present === undefined || before === undefined) return undefined
  const differs = templateDifference(before.template, present.template)
  const known = templateManager !== undefined && templateManagedAt !== undefined && Math.abs(templateManagedAt - at) < SAME_CHANGE_MS
  const operator =
    known &&
    templateManagerOnlyMarks === true &&
    !templateManager.startsWith('kubectl') &&
    differs.length > 0 &&
    differs.every(({ kind }) => kind === 'annotation' || kind === 'variable')
  return { ...(known ? { by: templateManager } : {}), differs, operator }
}

/** Says who changed what, for people; empty where nothing is known. */
export function lastChangeText(change: LastChange | undefined): string {
  if (change === undefined) return ''
  const by = change.by === undefined ? '' : ` by ${change.by}`
  return change.differs.length === 0 ? by : `${by} (${differenceText(change.differs)})`
}
