import type { Sight } from '../domain/blindness.ts'

/** How many are named in a message. */
const NAMED = 3

/** Judges whether Alertmanager delivers what it holds for Astern: each alert has so long to come, from when it was first seen there. */
export class DeliveriesJudge {
  #missing: ReadonlyMap<string, number> = new Map()

  /**
   * @param held the alerts that fire for Astern’s receiver, neither silenced nor inhibited nor muted, by the hash of their labels
   * @param open those of them that an open incident is of
   */
  judge(
    held: ReadonlyMap<string, string>,
    open: ReadonlySet<string>,
    { within, now }: { readonly within: number; readonly now: number }
  ): Sight {
    this.#missing = new Map([...held.keys()].filter(key => !open.has(key)).map(key => [key, this.#missing.get(key) ?? now]))
    const lost = [...this.#missing].filter(([, since]) => now - since > within).map(([key]) => held.get(key) ?? '')
    if (lost.length === 0) return { kind: 'sees', detail: `${held.size} alerts fire there, and each has come or has time to` }
    const more = lost.length - NAMED
    return {
      kind: 'blind',
      detail: `${lost.length} ${lost.length === 1 ? 'alert has' : 'alerts have'} not come: ${lost.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
    }
  }
}
