import { createTransport } from 'nodemailer'

export interface SmtpServer {
  readonly host: string
  readonly port: number
  readonly tls: 'starttls' | 'implicit'
  /** The authorities that its certificate is checked by; default: those of the system. */
  readonly ca?: string
  readonly login?: { readonly user: string; readonly pass: string }
}

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
  readonly messageId: string
  /** The Message-ID of the mail that this one continues. */
  readonly answers?: string
  readonly headers: Readonly<Record<string, string>>
}

/** Sends one mail. It rejects where no recipient was taken. */
export type SendMail = (server: SmtpServer, mail: Mail, signal: AbortSignal) => Promise<void>

const DEADLINE_MS = 10_000

/** Connects, demands TLS, logs in where there is a login, and leaves. It rejects where one of these fails. */
export type VerifyServer = (server: SmtpServer, signal: AbortSignal) => Promise<void>

/** Sends one mail by SMTP, over TLS only, on a connection of its own. */
export const sendMail: SendMail = (server, mail, signal) =>
  connected(server, async transport => {
    const { answers, to, headers, ...rest } = mail
    const thread = answers === undefined ? {} : { inReplyTo: answers, references: [answers] }
    // Closing the transport would leave a mail under way: the connection has only limits of its own, each for one answer.
    await transport.sendMail({ ...rest, to: [...to], headers: { ...headers }, ...thread, signal })
  })

export const verifyServer: VerifyServer = (server, signal) =>
  connected(server, async transport => {
    const { promise: given, reject: giveUp } = Promise.withResolvers<never>()
    const up = (): void => giveUp(signal.reason)
    signal.addEventListener('abort', up, { once: true })
    try {
      await Promise.race([transport.verify(), given])
    } finally {
      signal.removeEventListener('abort', up)
    }
  })

type Transport = ReturnType<typeof createTransport>

async function connected({ host, port, tls, ca, login }: SmtpServer, work: (transport: Transport) => Promise<void>): Promise<void> {
  const transport = createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ...(login === undefined ? {} : { auth: { ...login } }),
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    connectionTimeout: DEADLINE_MS,
    greetingTimeout: DEADLINE_MS,
    socketTimeout: DEADLINE_MS,
    // A mail is text that Astern made. Nothing in it names a file or a URL to be read.
    disableFileAccess: true,
    disableUrlAccess: true
  })
  try {
    await work(transport)
  } finally {
    transport.close()
  }
}
