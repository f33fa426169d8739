import { numberAt } from '../../base/json.ts'
import type { Tools } from '../../domain/action.ts'
import type { Plan } from '../../domain/plan.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import { appliedWith } from '../../domain/write-result.ts'
import { type FloorWrite, readAutoscaler, toAutoscaler } from './autoscaler.ts'
import type { ScaleWrite } from './means.ts'
import { type SubresourceWrite, writeScale } from './write-scale.ts'

/**
 * Puts the old number back, if the present one still is what Astern set. A number that people changed meanwhile stays. Where the
 * old number is back already, it was sent before and the answer was lost.
 */
export async function giveBack(tools: Tools, plan: Plan<ScaleWrite>, signal: AbortSignal): Promise<WriteResult> {
  const { loan } = plan
  if (loan === undefined) throw new Error('nothing was borrowed')
  const { write } = loan
  const result =
    write.kind === 'scale'
      ? await writeScale(tools, { uid: plan.uid, write }, { dryRun: false }, signal)
      : await tools.cluster.write({ ...plan, write }, { intent: '', dryRun: false }, signal)
  if (result.kind !== 'conflict' && result.kind !== 'rejected') return result
  const isBack = await (write.kind === 'scale' ? hasReplicas(tools, write, signal) : hasFloor(tools, plan.target.namespace, write, signal))
  return isBack ? appliedWith('it was back already', tools.clock.now()) : result
}

async function hasReplicas(tools: Tools, { path, replicas }: SubresourceWrite, signal: AbortSignal): Promise<boolean> {
  const read = await tools.kube.get(path, signal)
  return read.kind === 'ok' && numberAt(read.object, 'spec', 'replicas') === replicas
}

async function hasFloor(tools: Tools, namespace: string, write: FloorWrite, signal: AbortSignal): Promise<boolean> {
  const found = await readAutoscaler(tools, namespace, write, signal)
  return found !== 'unknown' && found !== undefined && toAutoscaler(found, namespace).floor === write.floor
}
