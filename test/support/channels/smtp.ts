import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { Test } from 'tap'
import type { Certificates } from '../certificates.ts'
import { type Fault, isTaken } from './stand-in.ts'

export interface Mail {
  readonly to: readonly string[]
  readonly secure: boolean
  /** Name and password, as the server got them. */
  readonly login: string
  readonly source: string
}

export interface MailServer {
  readonly port: number
  readonly mails: Mail[]
  /** What came outside TLS that must not: a login, a mail. */
  readonly plain: string[]
  /** Is called for each mail that the server takes. */
  onMail: () => void
  /** As long as it is set, the server is down in this way. */
  down: Fault | undefined
  /** What the next commands of this name are answered (`AUTH`, `MAIL`), instead of what they would be; `end` of a mail: `cut` ends the connection. */
  readonly answers: Map<string, string[]>
}

/** An answer of the server that is no success. */
class Answer extends Error {
  readonly responseCode: number
  constructor(line: string) {
    super(line.slice(4))
    this.responseCode = Number(line.slice(0, 3))
  }
}

/** A real SMTP server on loopback (`smtp-server`): it asks for a login, and keeps what it takes. */
export async function startMailServer(
  t: Test,
  {
    certificates,
    implicit,
    startTls = true
  }: { readonly certificates: Certificates; readonly implicit: boolean; readonly startTls?: boolean }
): Promise<MailServer> {
  const state: { -readonly [Key in keyof MailServer]: MailServer[Key] } = {
    port: 0,
    mails: [],
    plain: [],
    onMail: () => {},
    down: undefined,
    answers: new Map()
  }
  const sockets = new Map<number | undefined, Socket>()
  const cut = (port: number): void => void sockets.get(port)?.destroy()
  /** The planned answer, where it is no success. */
  const planned = (name: string): Answer | undefined => {
    const line = state.answers.get(name)?.shift()
    return line === undefined || line.startsWith('2') ? undefined : new Answer(line)
  }
  const server = new SMTPServer({
    secure: implicit,
    cert: readFileSync(certificates.server.cert),
    key: readFileSync(certificates.server.key),
    disabledCommands: startTls ? [] : ['STARTTLS'],
    // Only so that it is seen.
    allowInsecureAuth: true,
    disableReverseLookup: true,
    authMethods: ['PLAIN'],
    closeTimeout: 100,
    onConnect(session, callback) {
      if (state.down === 'unread') return cut(session.remotePort)
      callback(state.down === 'broken' ? new Answer('421 not now') : null)
    },
    onAuth({ username = '', password = '' }, session, callback) {
      if (!session.secure) state.plain.push('AUTH')
      const failed = planned('AUTH')
      if (failed === undefined) callback(null, { user: `${username}/${password}` })
      else callback(failed)
    },
    onMailFrom(_address, session, callback) {
      if (!session.secure) state.plain.push('MAIL')
      callback(state.down === 'busy' ? new Answer('451 later') : (planned('MAIL') ?? null))
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        state.mails.push({
          to: session.envelope.rcptTo.map(({ address }) => address),
          secure: session.secure,
          login: String(session.user),
          source: Buffer.concat(chunks).toString()
        })
        state.onMail()
        if (state.answers.get('end')?.shift() === 'cut' || state.down === 'taken') return cut(session.remotePort)
        if (state.down === undefined || !isTaken(state.down)) callback(null)
      })
    }
  })
  server.on('error', () => {
    // A client that goes away, or that trusts another authority, is what some tests are about.
  })
  server.server.on('connection', (socket: Socket) => {
    const { remotePort } = socket
    sockets.set(remotePort, socket)
    socket.on('close', () => sockets.delete(remotePort))
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets.values()) socket.destroy()
  })
  const address = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  state.port = address.port
  return state
}
