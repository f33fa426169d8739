import { listAt, textAt } from '../base/json.ts'
import type { Workload } from './workload.ts'

/** A tag that names another image than before: pods of the present template run both. */
export interface MovedImage {
  readonly container: string
  readonly image: string
  /** When the first container with the newer image started, API server's clock. */
  readonly at: number
  readonly older: string
  readonly newer: string
  /** How many pods run the newer image, of so many. */
  readonly pods: { readonly newer: number; readonly all: number }
}

/** An image that is named by its digest is always the same, and only its copies for other processors have other ids. */
const PINNED = /@sha256:/

interface Running {
  readonly image: string
  readonly id: string
  readonly from: number
  readonly startedAt: number
}

/**
 * Whether pods of the present template run different images under one name, and since when. Nodes with different processors may have
 * different ids of one image, so the newer one must have come after the rollout was complete, and after every pod with the older one.
 */
export function movedImage({ template, pods, rollout }: Pick<Workload, 'template' | 'pods' | 'rollout'>): MovedImage | undefined {
  const current = pods.filter(pod => pod.current && !pod.terminating)
  for (const container of listAt(template, 'spec', 'containers')) {
    const name = textAt(container, 'name') ?? ''
    const image = textAt(container, 'image') ?? ''
    if (PINNED.test(image)) continue
    const running = current.flatMap(pod =>
      (pod.images ?? []).flatMap(one =>
        one.container === name && one.image === image
          ? [{ image, id: one.id, from: pod.createdAt, startedAt: one.startedAt ?? pod.createdAt }]
          : []
      )
    )
    const moved = movedAmong(running, rollout.completedAt)
    if (moved !== undefined) return { container: name, image, ...moved }
  }
  return undefined
}

function movedAmong(running: readonly Running[], completedAt: number | undefined): Omit<MovedImage, 'container' | 'image'> | undefined {
  const byId = [...Map.groupBy(running, ({ id }) => id)]
    .map(([id, pods]) => ({ id, pods, at: Math.min(...pods.map(({ startedAt }) => startedAt)) }))
    .sort((a, b) => b.at - a.at)
  const [newest, ...others] = byId
  const older = others[0]
  if (newest === undefined || older === undefined) return undefined
  if (others.some(({ pods }) => pods.some(({ from }) => from >= newest.at))) return undefined
  if (completedAt !== undefined && newest.at <= completedAt) return undefined
  return { at: newest.at, older: older.id, newer: newest.id, pods: { newer: newest.pods.length, all: running.length } }
}

/** How people read it. */
export function movedImageText({ container, image, older, newer, pods }: MovedImage): string {
  return `${pods.newer} of ${pods.all} pods run another image of the same name in ${container}: ${image} was ${older} and is ${newer}`
}
