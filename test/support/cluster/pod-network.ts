import { once } from 'node:events'
import { createServer } from 'node:net'
import { POD_PORT } from './pod-fleet.ts'

/** Addresses of loopback for one cluster's pods. */
export interface PodNetwork {
  readonly cidr: string
  release(): void
}

const FIRST = 10
const LAST = 69

/**
 * Takes a range of loopback that no other cluster on this machine has. Test files run side by side, and pods of two clusters at one address
 * would answer for each other. Whoever listens at the last address of a range has it.
 */
export async function takePodNetwork(): Promise<PodNetwork> {
  for (let range = FIRST; range <= LAST; range += 1) {
    const holder = createServer()
    holder.listen(POD_PORT, `127.${range}.255.254`)
    const free = await once(holder, 'listening').then(
      () => true,
      () => false
    )
    if (!free) continue
    holder.unref()
    return { cidr: `127.${range}.0.0/16`, release: () => holder.close() }
  }
  throw new Error(`all ranges from 127.${FIRST} to 127.${LAST} are taken`)
}
