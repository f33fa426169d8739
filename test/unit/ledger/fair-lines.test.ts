import fc from 'fast-check'
import t from 'tap'
import { alternate, type Lane, laneKey, turnsOf } from '../../../src/ledger/fair-lines.ts'

interface Waiting extends Lane {
  readonly turn: number
  readonly place: number
  readonly mayWait: number
  waited: number
}

/** The lines as the ledger keeps them, in memory: whoever comes gets a turn, and some are served at a time. */
class Lines {
  #waiting: Waiting[] = []
  readonly #served = new Map<string, number>()
  #order: string[] = []
  #places = 0

  arrive(lanes: readonly Lane[]): void {
    const last = new Map<string, number>()
    for (const one of this.#waiting) last.set(laneKey(one), Math.max(one.turn, last.get(laneKey(one)) ?? 0))
    const turns = turnsOf(lanes, last, this.#served)
    for (const [index, lane] of lanes.entries()) {
      if (!this.#order.includes(lane.source)) this.#order.unshift(lane.source)
      this.#places += 1
      const alone = !this.#waiting.some(one => laneKey(one) === laneKey(lane))
      this.#waiting.push({
        ...lane,
        turn: turns[index] ?? 0,
        place: this.#places,
        waited: 0,
        mayWait: alone ? 0 : Number.POSITIVE_INFINITY
      })
    }
    const sources = new Set(this.#waiting.map(one => one.source)).size
    this.#waiting = this.#waiting.map(one => {
      if (one.mayWait !== 0) return one
      const lanesThere = new Set(this.#waiting.filter(other => other.source === one.source).map(laneKey)).size
      return { ...one, mayWait: 2 * lanesThere * (sources + 1) }
    })
  }

  serve(count: number): readonly Waiting[] {
    const lines = this.#order.map(source =>
      this.#waiting.filter(one => one.source === source).sort((one, other) => one.turn - other.turn || one.place - other.place)
    )
    const taken = alternate(lines, count)
    for (const one of taken) {
      this.#served.set(one.source, one.turn)
      this.#order = [...this.#order.filter(source => source !== one.source), one.source]
    }
    this.#waiting = this.#waiting.filter(one => !taken.includes(one))
    for (const one of this.#waiting) one.waited += taken.length
    return taken
  }

  get length(): number {
    return this.#waiting.length
  }
}

const lanes = fc.record({ source: fc.constantFrom('a', 'b', 'c'), target: fc.constantFrom('x', 'y', 'z', null) })
const burst = fc.tuple(lanes, fc.integer({ min: 1, max: 40 })).map(([lane, count]) => Array.from({ length: count }, () => lane))
const step = fc.oneof(
  fc.record({ kind: fc.constant('arrive' as const), lanes: burst }),
  fc.record({ kind: fc.constant('serve' as const), count: fc.integer({ min: 1, max: 8 }) })
)

t.test('whoever is alone in its lane waits for two turns of each other lane at most, whatever comes, and nobody is left', async t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const lines = new Lines()
      const check = (served: readonly Waiting[]): void => {
        for (const one of served)
          if (one.waited > one.mayWait) throw new Error(`${laneKey(one)} waited for ${one.waited}, and may for ${one.mayWait}`)
      }
      for (const one of steps)
        if (one.kind === 'arrive') lines.arrive(one.lanes)
        else check(lines.serve(one.count))
      while (lines.length > 0) check(lines.serve(1))
    }),
    { numRuns: 2_000 }
  )
  t.pass('it held in every history')
})

t.test('in a lane the first that came is served first', async t => {
  const lane = { source: 'a', target: 'x' }
  t.same(turnsOf([lane, lane, lane], new Map([['a\nx', 6]]), new Map([['a', 4]])), [7, 8, 9])
})
