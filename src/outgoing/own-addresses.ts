import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'

/** A name server that is away must not hold up a call for longer, milliseconds. What is called could not be resolved by it either. */
const RESOLVE_WITHIN_MS = 2_000

/**
 * Tells which addresses lead to Astern itself: those of its interfaces (in a pod, the pod's), and those that `hosts` have now, such as
 * its Service. It is asked at each call, because all of them change while Astern runs.
 */
export function createOwnAddresses(hosts: readonly string[]): () => Promise<readonly string[]> {
  return async () => {
    const named = await Promise.all(
      hosts.map(host =>
        Promise.race([
          lookup(host, { all: true }).then(
            found => found.map(({ address }) => address),
            // A name that leads nowhere leads not to Astern either.
            () => []
          ),
          nothingAfter(RESOLVE_WITHIN_MS)
        ])
      )
    )
    const here = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))
    return [...here, ...named.flat()]
  }
}

function nothingAfter(ms: number): Promise<readonly string[]> {
  return new Promise(resolve => setTimeout(() => resolve([]), ms).unref())
}
