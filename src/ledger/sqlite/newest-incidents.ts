import { isObject } from '../../base/json.ts'
import type { KnownIncident } from '../alert-effect.ts'
import type { IncidentKey } from '../intake-plan.ts'
import type { Prepare } from './rows.ts'

const KNOWN = 'id, state, starts_at, episode_starts_at, resolved_at, reopened, last_seen_at, later_start, later_start_look'
/** The queries for the newest incident. An open one is always the newest. Open and closed ones have a partial index each. */
const NEWEST = [
  `select ${KNOWN} from incidents where source = ? and identity = ? and state = 'open'`,
  `select ${KNOWN} from incidents where source = ? and identity = ? and state <> 'open' order by opened_at desc, id desc limit 1`
] as const

/** Reads the newest incident of each key that has one, as the open transaction sees it. */
export function newestIncidents(prepare: Prepare, keys: ReadonlyMap<string, IncidentKey>): ReadonlyMap<string, KnownIncident> {
  const statements = NEWEST.map(prepare)
  const found = new Map<string, KnownIncident>()
  for (const [key, { source, identity }] of keys) {
    for (const statement of statements) {
      const row = statement.get(source, identity)
      if (row === undefined) continue
      found.set(key, toKnown(row))
      break
    }
  }
  return found
}

function toKnown(row: unknown): KnownIncident {
  if (!isObject(row)) throw new Error('a row is not an object')
  const text = (name: string): string => {
    const value = row[name]
    if (typeof value !== 'string') throw new Error(`incidents.${name} is not a text`)
    return value
  }
  const number = (name: string): number => {
    const value = row[name]
    if (typeof value !== 'number') throw new Error(`incidents.${name} is not a number`)
    return value
  }
  const maybe = (name: string): number | null => (row[name] === null ? null : number(name))
  return {
    id: text('id'),
    state: text('state'),
    starts_at: number('starts_at'),
    episode_starts_at: number('episode_starts_at'),
    resolved_at: maybe('resolved_at'),
    later_start: maybe('later_start'),
    later_start_look: maybe('later_start_look'),
    reopened: number('reopened'),
    last_seen_at: number('last_seen_at')
  }
}
