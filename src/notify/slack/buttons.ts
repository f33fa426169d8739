import type { JsonObject } from '../../base/json.ts'
import { isHandedOver } from '../../domain/hand-over.ts'
import type { Message } from '../../domain/message.ts'

/** What a button is for. The ids stand in messages that may be days old: they are never given another meaning. */
export const BUTTONS = {
  'astern.take': { text: 'I’ve got this', style: 'primary' },
  'astern.stop': { text: 'Stop watching' }
} as const
export type ButtonId = keyof typeof BUTTONS

export function isButton(id: string): id is ButtonId {
  return Object.hasOwn(BUTTONS, id)
}

/**
 * The buttons below a message about a run; none once somebody has it, or it is over. A button carries the run's id and nothing else:
 * what that run is, and how it stands, is looked up when somebody presses it.
 */
export function buttonsFor(message: Message): readonly JsonObject[] {
  const { subject } = message
  if (subject.kind !== 'run' || isHandedOver(message)) return []
  const ids = idsFor(message)
  if (ids.length === 0) return []
  return [
    {
      type: 'actions',
      elements: ids.map(id => {
        const { text, ...more } = BUTTONS[id]
        return { type: 'button', action_id: id, value: subject.id, text: { type: 'plain_text', text, emoji: false }, ...more }
      })
    }
  ]
}

function idsFor({ event }: Message): readonly ButtonId[] {
  switch (event) {
    case 'acted':
      return ['astern.take', 'astern.stop']
    case 'needs-people':
    case 'approval':
    case 'update':
      return ['astern.take']
    case 'over':
      return []
  }
}
