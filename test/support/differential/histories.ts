import fc from 'fast-check'

/** One thing that somebody, or Astern, does to a Deployment. */
export type Deed =
  | { readonly deed: 'image'; readonly tag: number }
  | { readonly deed: 'environment'; readonly value: number }
  | { readonly deed: 'restart' }
  | { readonly deed: 'scale'; readonly replicas: number }
  /** `remembered`: as if Astern had done it, which remembers the template that it took away as bad. */
  | { readonly deed: 'undo'; readonly remembered: boolean }
  | { readonly deed: 'annotate'; readonly value: number }
  | { readonly deed: 'change-cause'; readonly value: number }
  /** The n-th oldest ReplicaSet that is not in use is deleted, as pruning does with the oldest. */
  | { readonly deed: 'prune'; readonly which: number }
  | { readonly deed: 'revision-missing'; readonly which: number }
  | { readonly deed: 'revision-unreadable'; readonly which: number }
  /** Two ReplicaSets carry one number. */
  | { readonly deed: 'revision-doubled'; readonly which: number }

export interface History {
  readonly deeds: readonly Deed[]
  /** Whether Astern watched it happen, or came later and has only what the cluster kept. */
  readonly watched: boolean
}

const which = fc.nat({ max: 3 })

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ deed: fc.constant('image' as const), tag: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 3, arbitrary: fc.record({ deed: fc.constant('environment' as const), value: fc.nat({ max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ deed: fc.constant('restart' as const) }) },
  { weight: 2, arbitrary: fc.record({ deed: fc.constant('scale' as const), replicas: fc.nat({ max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ deed: fc.constant('undo' as const), remembered: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ deed: fc.constant('annotate' as const), value: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ deed: fc.constant('change-cause' as const), value: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ deed: fc.constant('prune' as const), which }) },
  { weight: 1, arbitrary: fc.record({ deed: fc.constant('revision-missing' as const), which }) },
  { weight: 1, arbitrary: fc.record({ deed: fc.constant('revision-unreadable' as const), which }) },
  { weight: 1, arbitrary: fc.record({ deed: fc.constant('revision-doubled' as const), which }) }
)

/** The same histories for the same seed, so that a failure can be looked at again. */
export function histories(seed: number, count: number): readonly History[] {
  return fc.sample(fc.record({ deeds: fc.array(deed, { minLength: 1, maxLength: 9, size: 'max' }), watched: fc.boolean() }), {
    seed,
    numRuns: count
  })
}
