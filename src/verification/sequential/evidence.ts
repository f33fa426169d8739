import { logAddExp, logSumExp } from './log-sums.ts'

/**
 * One running bet: its value is how strongly the data so far speak against the hypothesis. While the hypothesis holds, the value ever
 * reaches 1/α with a chance of at most α, however often one looks (Ville's inequality). Values are natural logarithms.
 */
export interface Evidence {
  /** The sum of each effect’s gains so far. */
  readonly sums: readonly number[]
  /** What each effect’s copies began with: a copy that starts late counts from its start only. */
  readonly starts: readonly number[]
  /** Copies that have been started. Their weights are 1/2, 1/6, 1/12 …, together 1 − 1/(copies + 1). */
  readonly copies: number
  /** The value: 0 at the start (evidence 1). */
  readonly log: number
}

export const NO_EVIDENCE: Evidence = { sums: [], starts: [], copies: 0, log: 0 }

/** How one block changes the evidence; all of it is fixed before the block is looked at. */
export interface Rules {
  /** Errors come in bursts: each gain is divided by this, at least 1. */
  readonly dispersion: number
  /** The most that one block may add to an effect: so one bad block proves nothing. Undefined: no cap. */
  readonly cap: number | undefined
  /** `due` starts one more copy with this block, which finds what goes bad late. `never` is one copy with all of the weight. */
  readonly restart: 'due' | 'not-yet' | 'never'
}

/** The evidence after one more block, whose gains are in the order of the effects. */
export function addGains(evidence: Evidence, gains: readonly number[], rules: Rules): Evidence {
  const sums = evidence.copies === 0 ? gains.map(() => 0) : evidence.sums
  const begins = evidence.copies === 0 || rules.restart === 'due'
  const copies = begins ? evidence.copies + 1 : evidence.copies
  const starts = begins ? startCopy(evidence, sums, rules.restart === 'never' ? 0 : Math.log(1 / (copies * (copies + 1)))) : evidence.starts
  const cap = rules.cap ?? Number.POSITIVE_INFINITY
  const after = sums.map((before, index) => before + Math.min((gains[index] ?? 0) / rules.dispersion, cap))
  const running = logSumExp(after.map((value, index) => value + (starts[index] ?? 0))) - Math.log(after.length)
  // What is not yet given to a copy is held back at its value of 1.
  const held = rules.restart === 'never' ? Number.NEGATIVE_INFINITY : -Math.log(copies + 1)
  return { sums: after, starts, copies, log: logAddExp(running, held) }
}

function startCopy({ starts }: Evidence, sums: readonly number[], weight: number): readonly number[] {
  return sums.map((before, index) => logAddExp(starts[index] ?? Number.NEGATIVE_INFINITY, weight - before))
}

/**
 * The most that a block may add, so that one effect of one process reaches a level with `blocks` blocks that are bad throughout.
 * `weight` is the process's share in the mean of all processes of one verdict.
 */
export function capFor(level: number, weight: number, effects: number, blocks: number): number {
  return (Math.log(1 / level) + Math.log(effects) + Math.log(1 / weight) + Math.LN2) / blocks
}

/** The cap below which no fewer than `blocks` blocks reach a level from the start, even where every effect of every process is capped. */
export function capForAtLeast(blocks: number, level: number): number {
  // The first copy begins at a half, and the other half is held back at its value of 1. A hair less: at the very sum, rounding decides.
  return (Math.log(2 / level - 1) / (blocks - 1)) * (1 - 1e-9)
}

/**
 * The cap with which, after all but one of the bad blocks that a failure needs, three quarters of a cap are still missing: a bad start
 * fills that many short blocks to the cap, and then the least excess in a good one would do. Of two blocks, one fills no more than
 * half: no such cap is needed.
 */
export function capLeaving(level: number, weight: number, blocks: number): number {
  return blocks <= 2 ? Number.POSITIVE_INFINITY : (Math.log(2 / level) + Math.log(1 / weight)) / (blocks - 0.25)
}
