import { listAt, objectAt, textAt } from '../../../src/base/json.ts'
import type { Shown, StandIn } from './stand-in.ts'

export interface TeamsCard {
  readonly title: string
  readonly shown: Shown
}

export interface Teams extends StandIn {
  /** The cards that were posted, oldest first. Nothing can change them. */
  readonly cards: TeamsCard[]
  /** Why the workflow failed inside, where its caller hears nothing of it. */
  readonly failedInside: string[]
  shows(name: string): Shown
}

/** The path of a workflow’s URL. The signature is in the query, which has to arrive byte for byte. */
export const TEAMS_PATH = '/workflows/x?api-version=1&sp=%2Ftriggers&sig=a%2Fb+c'

const COLOURS: Readonly<Record<string, Shown>> = { accent: 'notice', attention: 'call', warning: 'call', good: 'over' }

/** A workflow of Microsoft Teams: it answers 202 to whatever comes, and fails inside where it is no card, or too large. */
export function teams(): Teams {
  const cards: TeamsCard[] = []
  const failedInside: string[] = []
  return {
    cards,
    failedInside,
    shows: name => cards.filter(({ title }) => title.includes(name)).at(-1)?.shown ?? 'nothing',
    answer({ path, body, raw }) {
      if (path !== TEAMS_PATH) return { status: 401 }
      const content = objectAt(body, 'attachments', 0, 'content')
      const before = failedInside.length
      if (textAt(body, 'type') !== 'message' || textAt(content, 'type') !== 'AdaptiveCard') failedInside.push('no card')
      if (textAt(body, 'attachments', 0, 'contentType') !== 'application/vnd.microsoft.card.adaptive') failedInside.push('no card')
      if (Buffer.byteLength(raw) > 28_000) failedInside.push('too large')
      if (/"text":""/.test(raw)) failedInside.push('a run without text')
      const actions = listAt(content, 'actions')
      if (actions.some(action => !/^https?:/.test(textAt(action, 'url') ?? ''))) failedInside.push('a link that is no page')
      const run = objectAt(content, 'body', 0, 'inlines', 0)
      if (failedInside.length === before)
        cards.push({ title: textAt(run, 'text') ?? '', shown: COLOURS[textAt(run, 'color') ?? ''] ?? 'nothing' })
      return { status: 202 }
    }
  }
}
