import type { Noise, Scene } from './scene.ts'

const RATES = [1, 10, 100, 1_000] as const
const BASES = [0, 0.0005, 0.005, 0.02] as const
const SPLITS = [
  { name: '50/50', share: 0.5 },
  { name: '10/90', share: 0.1 }
] as const

const steady = (share: number) => (): number => share

/** The cells whose errors come independently: two splits, four rates, four levels. */
export function independent(change: Scene['change']): readonly Scene[] {
  return SPLITS.flatMap(({ name, share }) =>
    RATES.flatMap(perSecond =>
      BASES.map(base => ({ name: `${name}, ${perSecond}/s, ${shown(base)}`, perSecond, newShare: steady(share), base, change }))
    )
  )
}

/** What moves for both versions at once, and a share of the traffic that ramps; errors are still independent. */
export function moving(): readonly Scene[] {
  const ramp = (seconds: number): number => 0.05 + 0.45 * Math.min(1, seconds / 600)
  return [10, 100, 1_000].flatMap(perSecond => {
    const cell = (name: string, more: Pick<Scene, 'newShare' | 'level'>): Scene => ({
      name: `${name}, ${perSecond}/s`,
      perSecond,
      base: 0.005,
      change: { kind: 'none' },
      ...more
    })
    return [
      cell('errors of both rise fourfold', { newShare: steady(0.5), level: seconds => 1 + 3 * Math.min(1, seconds / 600) }),
      cell('new version from 5 % to 50 % of the traffic', { newShare: ramp }),
      cell('the same, while errors of both rise fourfold', { newShare: ramp, level: seconds => 1 + 3 * Math.min(1, seconds / 600) }),
      cell('the same, while errors of both fall to a quarter', { newShare: ramp, level: seconds => 1 - 0.75 * Math.min(1, seconds / 600) })
    ]
  })
}

const NOISES: readonly (readonly [string, Noise])[] = [
  ['clusters of five', { kind: 'clusters' }],
  ['minutes, both versions alike', { kind: 'minutes', of: 'both', variation: 1 }],
  ['minutes, each pod', { kind: 'minutes', of: 'pod', variation: 1 }],
  ['bursts ×10 of single pods', { kind: 'pod-bursts' }],
  ['lasting differences of pods', { kind: 'lasting' }],
  ['minutes, each version, mild', { kind: 'minutes', of: 'version', variation: 0.5 }],
  ['minutes, each version', { kind: 'minutes', of: 'version', variation: 1 }]
]

/** Errors that come in bursts; at 0.5 %, half of the traffic each. */
export function bursty(change: Scene['change']): readonly Scene[] {
  return NOISES.flatMap(([name, noise]) =>
    [10, 100, 1_000].map(perSecond => ({ name: `${name}, ${perSecond}/s`, perSecond, newShare: steady(0.5), base: 0.005, noise, change }))
  )
}

/** A start of ten seconds in which 30 % fail. */
export function blips(): readonly Scene[] {
  return [10, 100, 1_000].map(perSecond => ({
    name: `${perSecond}/s`,
    perSecond,
    newShare: steady(0.5),
    base: 0.005,
    change: { kind: 'blip', share: 0.3, seconds: 10 }
  }))
}

export const REGRESSIONS: readonly (readonly [string, Scene['change']])[] = [
  ['×2', { kind: 'times', times: 2 }],
  ['×5', { kind: 'times', times: 5 }],
  ['×20', { kind: 'times', times: 20 }],
  ['outage', { kind: 'share', share: 1 }],
  ['outage after 5 min', { kind: 'share', share: 1, from: 300 }]
]

/** Real regressions, at 0.5 %, half of the traffic each. */
export function regressions(): readonly Scene[] {
  return REGRESSIONS.flatMap(([name, change]) =>
    RATES.map(perSecond => ({ name: `${name}, ${perSecond}/s`, perSecond, newShare: steady(0.5), base: 0.005, change }))
  )
}

/** One cell at half of the traffic each. */
export function plain(perSecond: number, base: number, change: Scene['change']): Scene {
  return { name: `${perSecond}/s, ${shown(base)}`, perSecond, newShare: steady(0.5), base, change }
}

function shown(base: number): string {
  return `${Number((100 * base).toPrecision(6))} %`
}
