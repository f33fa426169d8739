import type { Block } from '../../../../src/verification/sequential/counting/block.ts'
import type { Counter } from '../../../../src/verification/sequential/counting/counter.ts'
import {
  type CountingSettings,
  type CountingState,
  countLook,
  startCounting
} from '../../../../src/verification/sequential/counting/counting.ts'
import type { Look, Scrape, SeenPod, Series, Version } from '../../../../src/verification/sequential/counting/scrape.ts'
import type { Tally } from '../../../../src/verification/sequential/tally.ts'

/** The time of the deploy; looks and scrapes are told in seconds after it. */
export const DEPLOY = 1_760_000_000_000

export const at = (seconds: number): number => DEPLOY + seconds * 1_000

export const ERRORS: Counter = { kind: 'http-errors', metric: 'http_requests_total', statusLabel: 'code' }

export const SETTINGS: CountingSettings = { from: DEPLOY, blockSeconds: 15, counters: [ERRORS], warmUpSeconds: [0] }

/** An old pod that was there long before, or a new one that is born with the deploy and Ready at once. */
export function pod(uid: string, version: Version, more: Partial<SeenPod> = {}): SeenPod {
  const born = version === 'old' ? at(-86_400) : at(0)
  return { uid, name: `${version}-${uid}`, version, bornAt: born, readyFrom: born, ...more }
}

/** The two counters of a pod, good and bad answers, with the labels that a target adds. */
export function counters({ requests, bad }: Tally, labels: Readonly<Record<string, string>> = {}): readonly Series[] {
  const series = (code: string, value: number): Series => ({ labels: { __name__: 'http_requests_total', code, ...labels }, value })
  return [series('200', requests - bad), ...(bad > 0 ? [series('500', bad)] : [])]
}

export function scrape(
  uid: string,
  seconds: number,
  tally: Tally,
  more: { readonly restarts?: number; readonly labels?: Readonly<Record<string, string>> } = {}
): Scrape {
  return { pod: uid, at: at(seconds), restarts: more.restarts ?? 0, series: counters(tally, more.labels) }
}

export function look(seconds: number, pods: readonly SeenPod[], scrapes: readonly Scrape[]): Look {
  return { at: at(seconds), pods, scrapes }
}

/** The blocks that looks close, and the state after them. */
export function counted(
  looks: readonly Look[],
  settings: CountingSettings = SETTINGS
): { readonly blocks: readonly Block[]; readonly state: CountingState } {
  let state = startCounting(settings)
  const blocks: Block[] = []
  for (const one of looks) {
    const { state: next, block } = countLook(settings, state, one)
    state = next
    if (block !== undefined) blocks.push(block)
  }
  return { blocks, state }
}

/** What the blocks and the open one have of a version, added up. */
export function total({ blocks, state }: ReturnType<typeof counted>, version: Version): Tally {
  const pairs = [...blocks.flatMap(block => block.parts), ...state.open.parts]
  return pairs.reduce((all, pair) => ({ requests: all.requests + pair[version].requests, bad: all.bad + pair[version].bad }), {
    requests: 0,
    bad: 0
  })
}
