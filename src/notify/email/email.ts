import { type Static, Type } from 'typebox'
import { sha256 } from '../../base/hashes.ts'
import { type JsonObject, numberAt, textAt } from '../../base/json.ts'
import { type Delivered, MESSAGE_EVENTS, type Message } from '../../domain/message.ts'
import { type ChannelTools, channelKind, type Opened, type SettingsFault } from '../channel-kind.ts'
import { cutTo } from '../cut.ts'
import { factsOf } from '../facts.ts'
import { ONLY_A_MESSAGE } from '../probe.ts'
import type { SmtpServer } from './smtp.ts'
import { mailText } from './text.ts'

const Address = (description: string) => Type.String({ pattern: '^[^\\s<>@",;:]+@[A-Za-z0-9.-]+$', description })

const Settings = Type.Object(
  {
    host: Type.String({ minLength: 1, description: 'The SMTP server.' }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'Default 587, or 465 with `tls: implicit`.' })),
    tls: Type.Optional(
      Type.Union([Type.Literal('starttls'), Type.Literal('implicit')], {
        description: '`starttls` (default) demands STARTTLS; `implicit` speaks TLS at once. Nothing goes over the network in plain text.'
      })
    ),
    caFile: Type.Optional(
      Type.String({ minLength: 1, description: 'File with the authorities that the server’s certificate is checked by.' })
    ),
    username: Type.Optional(Type.String({ minLength: 1, description: 'Goes with passwordFile.' })),
    passwordFile: Type.Optional(Type.String({ minLength: 1, description: 'File with the password.' })),
    from: Address('The sender’s address.'),
    to: Type.Array(Address('An address.'), { minItems: 1, maxItems: 50, description: 'The addresses that get each message.' })
  },
  { additionalProperties: false }
)

type EmailSettings = Static<typeof Settings>

/** Longer subjects are folded, and cut by whoever shows them. */
const SUBJECT = 180

/** Sends mail: one thread for each affair. Plain text, so that nothing in an alert can be more than text. */
export const email = channelKind({ name: 'email', takes: MESSAGE_EVENTS, settings: Settings, check, open })

function check({ username, passwordFile }: EmailSettings): readonly SettingsFault[] {
  return (username === undefined) === (passwordFile === undefined) ? [] : [{ path: [], message: 'username and passwordFile go together' }]
}

function open(settings: EmailSettings, { mail, mailCheck, readFile, origin }: ChannelTools): Opened {
  const { host, tls = 'starttls', from, to } = settings
  async function server(): Promise<SmtpServer> {
    const { username, passwordFile, caFile } = settings
    const pass = passwordFile === undefined ? undefined : await readFile(passwordFile)
    return {
      host,
      port: settings.port ?? (tls === 'implicit' ? 465 : 587),
      tls,
      ...(username === undefined || pass === undefined ? {} : { login: { user: username, pass } }),
      ...(caFile === undefined ? {} : { ca: await readFile(caFile) })
    }
  }
  return {
    async probe(signal) {
      const login = settings.username === undefined ? 'speaks TLS' : 'speaks TLS and takes the login'
      try {
        await mailCheck(await server(), signal)
        return { kind: 'good', detail: `${host} ${login}; ${ONLY_A_MESSAGE}` }
      } catch (cause) {
        const { detail } = failed(cause, host)
        const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
        // A certificate, a password and a server without TLS stay as they are until people mend them.
        return { kind: code === 'EAUTH' || code === 'ETLS' || /certificate/i.test(detail) ? 'bad' : 'unreachable', detail }
      }
    },

    async send(message, { revision, memory }, signal) {
      const facts = factsOf(message, origin)
      const messageId = idOf(message, revision, from)
      const thread = { first: textAt(memory, 'first') ?? messageId, subject: textAt(memory, 'subject') ?? cutTo(facts.title, SUBJECT) }
      const letter = {
        from,
        to,
        // The same subject, because many programs thread by it.
        subject: thread.subject,
        text: mailText(facts, message.event),
        messageId,
        ...(thread.first === messageId ? {} : { answers: thread.first }),
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Astern-Key': message.key.replaceAll(/[^\x21-\x7e]/g, '-').slice(0, 200) }
      }
      try {
        await mail(await server(), letter, signal)
        return { kind: 'delivered', remember: thread }
      } catch (cause) {
        return failed(cause, host)
      }
    }
  }
}

/** The same for each attempt, so that a mail whose sending broke off at its end stands there once where the server looks for that. */
function idOf({ key }: Message, revision: number, from: string): string {
  return `<${sha256(`${key}/${revision}`).slice(0, 40)}@${from.slice(from.lastIndexOf('@') + 1)}>`
}

/** A 5xx to the envelope or the mail is final. TLS, a certificate and a password are mended by people, and what waits is sent then. */
function failed(cause: unknown, host: string): Exclude<Delivered, { readonly kind: 'delivered' }> {
  const error: JsonObject = cause instanceof Error ? { ...cause, message: cause.message } : { message: String(cause) }
  const code = numberAt(error, 'responseCode')
  const detail = `${host}: ${textAt(error, 'response') ?? textAt(error, 'message') ?? ''}`.slice(0, 300)
  const final = code !== undefined && code >= 500 && ['EENVELOPE', 'EMESSAGE'].includes(textAt(error, 'code') ?? '') && code !== 530
  return { kind: final ? 'refused' : 'failed', detail }
}
