import type { Shown } from './stand-in.ts'

/** A mail as somebody sees it in a mailbox. */
export interface Letter {
  readonly id: string
  readonly subject: string
  readonly answers?: string
  readonly text: string
}

/** The mails that arrived, oldest first. The same Message-ID is the same mail, and mailboxes show it once. */
export class Mailbox {
  readonly letters = new Map<string, Letter>()
  copies = 0

  take(letter: Letter): void {
    if (this.letters.has(letter.id)) this.copies += 1
    else this.letters.set(letter.id, letter)
  }

  /** The mails about an affair. */
  thread(name: string): readonly Letter[] {
    return [...this.letters.values()].filter(({ text }) => text.includes(name))
  }

  shows(name: string): Shown {
    const first = this.thread(name).at(-1)?.text.split('\n')[0] ?? ''
    if (first.startsWith('Astern wrote')) return 'notice'
    if (first.startsWith('Somebody must')) return 'call'
    return first.startsWith('It is over') ? 'over' : 'nothing'
  }
}

/** Reads a mail as it went over the wire. */
export function letterOf(source: string): Letter {
  const end = source.indexOf('\r\n\r\n')
  const head = source.slice(0, end).replaceAll(/\r\n[ \t]+/g, ' ')
  const header = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim()
  const body = source.slice(end + 4)
  const quoted = /quoted-printable/i.test(header('Content-Transfer-Encoding') ?? '')
  const answers = header('In-Reply-To')
  return {
    id: header('Message-ID') ?? '',
    subject: header('Subject') ?? '',
    text: (quoted ? unquoted(body) : body).replaceAll('\r\n', '\n'),
    ...(answers === undefined ? {} : { answers })
  }
}

function unquoted(body: string): string {
  const bytes = body
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
