import { Type } from 'typebox'

/** Prometheus’ durations, from milliseconds up. `0s` is allowed too, and means that a revision need not have run for any time. */
const ANY = '^([0-9]+(ms|s|m|h|d|w|y))+$'
/** A time between repetitions must be a second at least, because milliseconds would make a flood. */
const REPEATED = '^([0-9]+(s|m|h|d|w|y))+$'

/** Makes the schema of a duration in a step. */
export const durationField = (description: string) => Type.Optional(Type.String({ pattern: ANY, description }))

/** Makes the schema of a time between two repetitions in a step. */
export const intervalField = (description: string) => Type.Optional(Type.String({ pattern: REPEATED, description }))
