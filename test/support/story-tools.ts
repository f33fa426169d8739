import type { Helm } from '../../src/actions/helm-rollback/helm-port.ts'
import type { ActionNeeds } from '../../src/actions/registry.ts'
import type { Clock } from '../../src/base/clock.ts'
import type { Tools } from '../../src/domain/action.ts'
import type { Cluster } from '../../src/domain/ports/cluster.ts'
import type { Kube } from '../../src/domain/ports/kube.ts'

const nothing = (what: string) => async (): Promise<never> => {
  throw new Error(`${what} was not expected`)
}

export const noKube: Kube = {
  get: nothing('a read'),
  metadata: nothing('a read'),
  metadataOf: nothing('a read'),
  jsonPatch: nothing('a patch'),
  post: nothing('a post'),
  put: nothing('a put'),
  delete: nothing('a deletion')
}

export const noHelm: Helm = {
  major: nothing('helm'),
  history: nothing('helm'),
  manifestDigest: nothing('helm'),
  contents: nothing('helm'),
  hooks: nothing('helm'),
  rollback: nothing('helm')
}

/** Tools of which only those work that a story is about. */
export function storyTools(cluster: Cluster, clock: Clock, more: Partial<Tools> = {}): Tools {
  return {
    cluster,
    clock,
    kube: noKube,
    ...more
  }
}

/** What single actions need, of which only that works that a story is about. */
export function storyNeeds(more: Partial<ActionNeeds> = {}): ActionNeeds {
  return {
    helm: noHelm,
    http: { send: nothing('a request') },
    readFile: path => {
      throw new Error(`${path} was not expected`)
    },
    ...more
  }
}
