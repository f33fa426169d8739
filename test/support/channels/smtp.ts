import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import type { Test } from 'tap'
import type { Certificates } from '../certificates.ts'
import type { Fault } from './stand-in.ts'

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly secure: boolean
  readonly user: string
  readonly source: string
}

export interface SmtpImitation {
  readonly port: number
  readonly mails: Mail[]
  /** The commands that came outside TLS. */
  readonly plain: string[]
  /** Is called for each mail that the server takes. */
  onMail: () => void
  /** As long as it is set, the server is down in this way. */
  down: Fault | undefined
  /** What the next commands of this name are answered, instead of what they would be; `cut` ends the connection. */
  readonly answers: Map<string, string[]>
}

/** An SMTP server on loopback: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA. It takes no mail outside TLS. */
export async function smtpImitation(
  t: Test,
  {
    certificates,
    implicit,
    startTls = true
  }: { readonly certificates: Certificates; readonly implicit: boolean; readonly startTls?: boolean }
): Promise<SmtpImitation> {
  const context = { cert: readFileSync(certificates.server.cert), key: readFileSync(certificates.server.key) }
  const mails: Mail[] = []
  const plain: string[] = []
  const answers = new Map<string, string[]>()
  const imitation: { -readonly [Key in keyof SmtpImitation]: SmtpImitation[Key] } = {
    port: 0,
    mails,
    plain,
    answers,
    onMail: () => {},
    down: undefined
  }
  const sockets = new Set<net.Socket>()

  function serve(socket: net.Socket, secure: boolean, greeted: boolean): void {
    sockets.add(socket)
    let [from, user, text] = ['', '', '']
    let to: string[] = []
    let inData = false
    const say = (line: string): void => void socket.write(`${line}\r\n`)
    if (imitation.down === 'unread') return void socket.destroy()
    if (!greeted) say(imitation.down === 'broken' ? '421 not now' : '220 imitation ESMTP')
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      while (true) {
        const end = inData ? text.indexOf('\r\n.\r\n') : text.indexOf('\r\n')
        if (end === -1) return
        const line = text.slice(0, end)
        text = text.slice(end + (inData ? 5 : 2))
        if (inData) {
          inData = false
          const planned = answers.get('end')?.shift()
          if (planned !== 'refuse') {
            mails.push({ from, to, secure, user, source: line })
            imitation.onMail()
          }
          if (planned === 'cut' || imitation.down === 'taken') return void socket.destroy()
          if (imitation.down === 'silent') return
          say(planned === undefined || planned === 'refuse' ? '250 taken' : planned)
        } else if (command(line)) return
      }
    })

    /** @returns true where this connection is not read any further */
    function command(line: string): boolean {
      const name = line.split(/[ :]/)[0]?.toUpperCase() ?? ''
      if (!secure) plain.push(name)
      const planned = answers.get(name)?.shift() ?? (imitation.down === 'busy' && name === 'MAIL' ? '451 later' : undefined)
      if (planned !== undefined) say(planned)
      else if (name === 'EHLO') say(`250-imitation\r\n${!secure && startTls ? '250-STARTTLS\r\n' : ''}250 AUTH PLAIN`)
      else if (name === 'STARTTLS' && !startTls) say('502 not here')
      else if (name === 'STARTTLS') {
        say('220 go on')
        socket.removeAllListeners('data')
        const upgraded = new tls.TLSSocket(socket, { isServer: true, ...context })
        serve(upgraded, true, true)
        return true
      } else if (name === 'AUTH') {
        user = Buffer.from(line.split(' ')[2] ?? '', 'base64')
          .toString()
          .replaceAll('\0', '/')
        say('235 welcome')
      } else if (name === 'MAIL') {
        from = line
        to = []
        say(secure ? '250 ok' : '530 must use TLS')
      } else if (name === 'RCPT') {
        to = [...to, line]
        say('250 ok')
      } else if (name === 'DATA') {
        inData = true
        say('354 go on')
      } else say('250 ok')
      return false
    }
  }

  const server = implicit
    ? tls.createServer(context, socket => serve(socket, true, false))
    : net.createServer(socket => serve(socket, false, false))
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  imitation.port = address.port
  return imitation
}
