import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One way to break the code on purpose, and the test that must then fail. */
export interface Mutation {
  /** Which promise (`Promise 1` …) or rule of decision is broken. */
  readonly breaks: string
  readonly what: string
  readonly file: string
  /** Stands in the file exactly once. */
  readonly from: string
  readonly to: string
  /** Test file, and the beginning of the name of the test in it. */
  readonly test: string
  readonly name: string
}

/** The table of `mutations.json`: `npm run mutations` goes through it, `npm run promises` makes `docs/promises.md` of it. */
export const MUTATIONS = JSON.parse(readFileSync(join(import.meta.dirname, 'mutations.json'), 'utf8')) as readonly Mutation[]
