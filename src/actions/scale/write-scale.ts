import { numberAt, objectAt, textAt } from '../../base/json.ts'
import type { Tools } from '../../domain/action.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import { FIELD_MANAGER } from '../../domain/ports/kube.ts'
import { asAsked, toNotApplied, toWriteResult } from '../../domain/write-result.ts'

/** The write of a number of pods through the scale subresource. It is made only where `from` and the target's uid are found. */
export interface SubresourceWrite {
  readonly kind: 'scale'
  readonly path: string
  readonly from: number
  readonly replicas: number
}

/** How often the write is tried with a fresh resourceVersion, which changes with the object's status too. */
const ATTEMPTS = 4

/** Sets the number of pods through the scale subresource: only from the number that was judged, and with its resourceVersion. */
export async function writeScale(
  tools: Pick<Tools, 'kube' | 'clock'>,
  { uid, write }: { readonly uid: string; readonly write: SubresourceWrite },
  { dryRun }: { readonly dryRun: boolean },
  signal: AbortSignal
): Promise<WriteResult> {
  for (let attempt = 1; ; attempt += 1) {
    const read = await tools.kube.get(write.path, signal)
    if (read.kind !== 'ok') return toNotApplied('scale', read)
    const { object } = read
    if (textAt(object, 'metadata', 'uid') !== uid) return { kind: 'conflict', detail: 'it is another object by now' }
    const found = numberAt(object, 'spec', 'replicas') ?? 0
    if (found !== write.from) return { kind: 'conflict', detail: `it has ${found} replicas, and ${write.from} were judged` }
    const query = `?fieldManager=${FIELD_MANAGER}${dryRun ? '&dryRun=All' : ''}`
    const answer = await tools.kube.put(
      write.path + query,
      { ...object, spec: { ...objectAt(object, 'spec'), replicas: write.replicas } },
      signal
    )
    if (answer.kind === 'error' && answer.status === 409 && attempt < ATTEMPTS) continue
    const result = toWriteResult('scale', answer, tools.clock.now)
    const asked = [{ op: 'replace', path: '/spec/replicas', value: write.replicas }] as const
    return dryRun ? asAsked(asked, answer, result) : result
  }
}
