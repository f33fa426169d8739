import type { Mail } from '../../../src/notify/email/smtp.ts'
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

  take({ messageId: id, subject, text, answers }: Pick<Mail, 'messageId' | 'subject' | 'text' | 'answers'>): void {
    if (this.letters.has(id)) this.copies += 1
    else this.letters.set(id, { id, subject, text, ...(answers === undefined ? {} : { answers }) })
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
