import type { Guard } from '../domain/guard.ts'
import { handedText } from '../domain/hand-over.ts'

/** Refuses while somebody has taken over another alert of the target: whoever works on it must not be written over. */
export const inHand: Guard = {
  name: 'in-hand',
  check({ facts }) {
    return facts.inHand === undefined
      ? undefined
      : { reason: 'in-hand', detail: `${handedText(facts.inHand)}, for another alert of the target` }
  }
}
