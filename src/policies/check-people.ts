import { at } from '../base/json.ts'
import type { Finding } from './problem.ts'
import type { PolicyFile } from './schema.ts'

/** Checks who may answer: one identity is one person, and where there are buttons somebody should be able to press them. */
export function checkPeople({ people = [], channels = {} }: PolicyFile): Finding[] {
  const twice = people.flatMap(({ slack }, index): Finding[] => {
    const first = people.findIndex(other => other.slack === slack)
    return first === index ? [] : [{ path: ['people', index, 'slack'], message: `"${slack}" stands in people[${first}] already` }]
  })
  if (people.some(({ role }) => role !== 'viewer')) return twice
  const unanswered = Object.entries(channels).flatMap(([name, channel]): Finding[] =>
    at(channel, 'slack', 'answers') === undefined
      ? []
      : [
          {
            path: ['channels', name, 'slack', 'answers'],
            message: 'shows buttons that nobody may press: people names no operator',
            warning: true
          }
        ]
  )
  return [...twice, ...unanswered]
}
