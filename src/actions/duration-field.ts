import { Type } from 'typebox'

/** Prometheus' durations, milliseconds included: how long a revision ran may be asked for as `0s`, and stories use `500ms`. */
const ANY = '^([0-9]+(ms|s|m|h|d|w|y))+$'
/** What is done again and again in this time: milliseconds would make it a flood. */
const REPEATED = '^([0-9]+(s|m|h|d|w|y))+$'

/** A duration that a step may give. */
export const durationField = (description: string) => Type.Optional(Type.String({ pattern: ANY, description }))

/** A time between two repetitions that a step may give. */
export const intervalField = (description: string) => Type.Optional(Type.String({ pattern: REPEATED, description }))
