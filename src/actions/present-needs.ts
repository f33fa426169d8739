import type { JsonObject } from '../base/json.ts'
import { needText, type PodNeed, podNeeds } from '../domain/pod-needs.ts'
import type { Surroundings } from '../domain/ports/surroundings.ts'
import type { Fit } from './fit.ts'

/** A template that would be put back, beside the present one. */
export interface NeedsQuestion {
  readonly namespace: string
  readonly template: JsonObject
  readonly present: JsonObject
  /** What the same write brings along, as `ConfigMap api`. */
  readonly brought?: ReadonlySet<string>
}

/** Looks whether everything is there that pods of the template need to start. */
export async function needsPresent(
  around: Pick<Surroundings, 'presence'>,
  { namespace, template, present, brought = new Set() }: NeedsQuestion,
  signal: AbortSignal
): Promise<Fit> {
  const notLookedAt: string[] = []
  const gone: PodNeed[] = []
  const going: PodNeed[] = []
  const now = new Set(podNeeds(present).map(needText))
  for (const need of podNeeds(template)) {
    if (brought.has(needText(need))) continue
    const looked = await around.presence(namespace, need, signal)
    if (looked.kind === 'no-answer') return looked
    if (looked.kind === 'unseen') notLookedAt.push(looked.why)
    // The pods that run now do without it too.
    else if (need.mayDoWithout === true && now.has(needText(need))) continue
    else if (looked.value === 'gone') gone.push(need)
    // The scheduler takes no pod whose claim is being deleted. The other kinds can be read to the end.
    else if (looked.value === 'going' && need.kind === 'PersistentVolumeClaim') going.push(need)
  }
  if (gone.length > 0)
    return { kind: 'cannot', why: `it needs ${gone.map(needText).join(', ')}, ${gone.length === 1 ? 'which is' : 'which are'} gone` }
  if (going.length > 0) return { kind: 'cannot', why: `it needs ${going.map(needText).join(', ')}, which is being deleted` }
  return { kind: 'fits', notLookedAt }
}
