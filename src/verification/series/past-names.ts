import type { ObjectRef } from '../../domain/objects.ts'
import { quoteRegex } from '../../templates/promql.ts'

/** Kubernetes makes a pod's name of this many characters of its owner's name and a dash, and five random ones. */
const POD_NAME_BASE = 58

/** The characters of generated names: no vowels, nothing that looks alike. */
const SAFE = '[bcdfghjklmnpqrstvwxz2456789]'

/** A hash of a template is a number of up to ten digits in such characters; a shorter one than six comes once in 40,000 times. */
const HASH = `${SAFE}{6,10}`
const RANDOM = `${SAFE}{5}`

/**
 * A regular expression of the names of all pods that a workload ever had, of any version, and of no workload whose name merely begins
 * alike: `api-gateway-5d8c7b9f6d-x2x4z` is not of `api`.
 */
export function namesOfAllPods({ kind, name }: ObjectRef): string {
  switch (kind) {
    case 'Deployment':
    case 'Rollout': {
      const owner = `${name}-`.slice(0, POD_NAME_BASE)
      const room = POD_NAME_BASE - owner.length
      // A long name leaves no room for the whole hash, nor for the dash behind it.
      const cut = room === 0 ? '' : room > 10 ? `${HASH}-` : `(${HASH}-|${SAFE}{${room}})`
      return `${quoteRegex(owner)}${cut}${RANDOM}`
    }
    case 'DaemonSet':
      return `${quoteRegex(`${name}-`.slice(0, POD_NAME_BASE))}${RANDOM}`
    case 'StatefulSet':
      return `${quoteRegex(name)}-[0-9]+`
  }
}
