import type { MessageEvent } from '../../domain/message.ts'
import type { Facts } from '../facts.ts'

const SAYS: Readonly<Record<MessageEvent, string>> = {
  acted: 'Astern wrote, and watches.',
  'needs-people': 'Somebody must look.',
  approval: 'Somebody must decide.',
  update: 'Somebody must look. This has changed:',
  over: 'It is over.'
}

/** The facts as plain text, one a line. */
export function mailText({ title, text, lines, links }: Facts, event: MessageEvent): string {
  return [
    SAYS[event],
    '',
    title,
    '',
    text,
    '',
    ...lines.map(line => (line.code === true ? `${line.label}:\n    ${line.text}` : `${line.label}: ${line.text}`)),
    '',
    ...links.map(link => `${link.text}: ${link.url}`)
  ]
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trimEnd()
}
