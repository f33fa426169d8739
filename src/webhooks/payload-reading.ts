import { type AlertSorter, createAlertSorter } from './alert-sorter.ts'
import { type PayloadProblem, parseAlert } from './alertmanager-payload.ts'
import { createJsonBuilder, type JsonBuilder } from './json-builder.ts'
import { createJsonReader, JsonFault } from './json-shape.ts'

/** What is read of the body besides its alerts. */
const HEAD_KEYS = ['version', 'receiver', 'externalURL', 'truncatedAlerts'] as const

/** A body that is read stretch by stretch. */
export interface PayloadReading {
  readonly reader: ReturnType<typeof createJsonReader>
  readonly sorter: AlertSorter
  /** The keys of the body that matter, with an empty list in the place of the alerts. */
  head(): unknown
  /** What is wrong with the first alert that is malformed. */
  problem(): PayloadProblem | undefined
}

/** Follows a body through its tokens: keeps its head, hands each alert on, and nothing else. */
export function createPayloadReading(): PayloadReading {
  const sorter = createAlertSorter()
  const head: Record<string, unknown> = {}
  let depth = 0
  let key = ''
  let isObject = false
  let building: JsonBuilder | undefined
  let problem: PayloadProblem | undefined
  const inAlerts = (): boolean => depth === 2 && key === 'alerts' && Array.isArray(head['alerts'])

  /** `value`: undefined where it has too many parts. */
  function alertRead(value: unknown): void {
    if (value === undefined) {
      sorter.refuse('alert-parts')
      return
    }
    const alert = parseAlert(value, `alerts[${sorter.seen()}]`)
    if ('message' in alert) problem ??= alert
    else sorter.take(alert)
  }

  return {
    reader: createJsonReader({
      opened(kind, offset) {
        if (building === undefined && inAlerts()) building = createJsonBuilder()
        building?.opened(kind, offset)
        depth += 1
        if (depth === 1) isObject = kind === 'object'
        if (depth === 2 && isObject) {
          if (key === 'alerts' && head['alerts'] !== undefined) throw new JsonFault('“alerts” stands twice')
          if (key === 'alerts') head['alerts'] = kind === 'array' ? [] : {}
        }
      },
      closed(offset) {
        depth -= 1
        building?.closed(offset)
        if (building?.done !== true) return
        const { value } = building
        building = undefined
        alertRead(value)
      },
      key(name) {
        if (building !== undefined) building.key(name)
        else if (depth === 1) key = name
      },
      scalar(value, offset) {
        if (building !== undefined) building.scalar(value, offset)
        else if (inAlerts()) alertRead(value)
        else if (depth === 1 && isObject && HEAD_KEYS.some(known => known === key)) head[key] = value
      }
    }),
    sorter,
    head: () => (isObject ? head : []),
    problem: () => problem
  }
}
