import { Type } from 'typebox'

/** Prometheus’ durations, from milliseconds up; `0s` is one, and means that a revision need not have run for any time. */
const ANY = '^([0-9]+(ms|s|m|h|d|w|y))+$'
/** What is done again and again in this time: milliseconds would make it a flood. */
const REPEATED = '^([0-9]+(s|m|h|d|w|y))+$'

/** A duration that a step may give. */
export const durationField = (description: string) => Type.Optional(Type.String({ pattern: ANY, description }))

/** A time between two repetitions that a step may give. */
export const intervalField = (description: string) => Type.Optional(Type.String({ pattern: REPEATED, description }))
