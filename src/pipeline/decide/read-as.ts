import { asIgnoring } from '../../domain/ignored-parts.ts'
import type { ObjectRef } from '../../domain/objects.ts'
import type { Policy } from '../../domain/policy.ts'
import type { ReadResult } from '../../domain/ports/cluster.ts'
import type { ReadingPorts } from '../ports.ts'

/** Reads a target as the policy sees it: what the policy ignores makes no version. Everything that a run compares is read so. */
export async function readAs(
  { cluster }: { readonly cluster: Pick<ReadingPorts['cluster'], 'read'> },
  { ignore }: Pick<Policy, 'ignore'>,
  target: ObjectRef,
  signal: AbortSignal
): Promise<ReadResult> {
  const read = await cluster.read(target, signal)
  return read.kind === 'found' ? { kind: 'found', workload: asIgnoring(read.workload, ignore) } : read
}
