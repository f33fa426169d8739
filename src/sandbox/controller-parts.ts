import type { Store } from './store.ts'

/** What the sandbox's controller works with. */
export interface ControllerParts {
  readonly store: Store
  readonly now: () => number
  readonly uid: () => string
  readonly podIp: () => string
}
