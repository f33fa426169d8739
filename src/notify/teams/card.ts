import type { JsonObject } from '../../base/json.ts'
import type { MessageEvent } from '../../domain/message.ts'
import { cutTo } from '../cut.ts'
import type { Facts } from '../facts.ts'

/** Teams takes some 28 kB. More fails inside the workflow, where nobody sees it. */
const MOST_BYTES = 24_000
const LONGEST_TEXT = 6_000
/** Teams shows six actions. */
const MOST_LINKS = 6

const COLOUR: Readonly<Record<MessageEvent, string>> = {
  acted: 'accent',
  'needs-people': 'attention',
  approval: 'warning',
  update: 'attention',
  over: 'good'
}

/**
 * The facts as a card. All texts stand in `TextRun`s: a `TextBlock` and a `FactSet` read Markdown, by which an alert could forge a link.
 * Mentions need entries of the card’s own, and it has none.
 */
export function teamsMessage(facts: Facts, event: MessageEvent): JsonObject {
  for (let most = LONGEST_TEXT; ; most = Math.floor(most / 2)) {
    const message = messageOf(facts, event, most)
    if (Buffer.byteLength(JSON.stringify(message)) <= MOST_BYTES || most < 10) return message
  }
}

function messageOf(facts: Facts, event: MessageEvent, most: number): JsonObject {
  const content = {
    type: 'AdaptiveCard',
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    version: '1.4',
    msteams: { width: 'Full' },
    body: [
      rich([{ text: cutTo(facts.title, most), weight: 'bolder', size: 'medium', color: COLOUR[event] }]),
      ...(facts.text === ''
        ? []
        : facts.text
            .split('\n')
            .slice(0, 40)
            .map(line => rich([{ text: cutTo(line, Math.min(most, 1_000)) }]))),
      ...facts.lines.map(({ label, text, code }) =>
        rich([
          { text: `${label}: `, weight: 'bolder' },
          { text: cutTo(text, most), ...(code === true ? { fontType: 'monospace' } : {}) }
        ])
      )
    ],
    actions: facts.links.slice(0, MOST_LINKS).map(({ text, url }) => ({ type: 'Action.OpenUrl', title: text, url }))
  }
  return { type: 'message', attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }] }
}

function rich(runs: readonly JsonObject[]): JsonObject {
  // A run without text breaks the card.
  return { type: 'RichTextBlock', inlines: runs.map(run => ({ type: 'TextRun', ...run, text: run['text'] === '' ? ' ' : run['text'] })) }
}
